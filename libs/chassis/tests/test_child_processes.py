"""Programs that a service starts: never a copy of the service, and read, waited for and killed as asyncio's are."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio.to_process
import pytest
import uvloop

from jobforge.chassis.child_processes import start_as_the_standard_library

Body = Callable[[], Coroutine[Any, Any, None]]


def on_uvloop(body: Body) -> None:
    """Run it on the loop that services have, as they have it."""

    async def prepared() -> None:
        start_as_the_standard_library(asyncio.get_running_loop())
        async with asyncio.timeout(30):
            await body()

    uvloop.run(prepared())


FORKED = textwrap.dedent("""
    import asyncio, os, sys
    import anyio, uvloop
    import anyio.to_process
    from jobforge.chassis.child_processes import start_as_the_standard_library

    os.register_at_fork(after_in_child=lambda: os.write(2, b"the interpreter was forked"))

    async def main():
        if sys.argv[1] == "safely":
            start_as_the_standard_library(asyncio.get_running_loop())
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()
        await anyio.to_process.run_sync(os.getpid)

    uvloop.run(main())
""")


@pytest.mark.parametrize(("how", "forked"), [("safely", False), ("as uvloop does", True)])
def test_a_child_never_hangs_in_a_copy_of_its_parent_that_holds_the_parents_port(how: str, forked: bool) -> None:
    """No Python of the parent runs in a child, where it may wait for ever for a lock; uvloop alone lets it."""
    done = subprocess.run([sys.executable, "-c", FORKED, how], capture_output=True, text=True, timeout=60, check=True)
    assert ("the interpreter was forked" in done.stderr) is forked


def test_a_child_is_written_to_read_from_and_waited_for() -> None:
    """Also more than a pipe holds, both ways."""
    sent = b"x" * 1_000_000

    async def body() -> None:
        program = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data); sys.exit(3)"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE)
        answer, _ = await process.communicate(sent)
        assert (answer == sent, process.returncode) == (True, 3)

    on_uvloop(body)


def test_a_child_has_the_environment_and_session_asked_for() -> None:
    """What is not asked for is inherited."""

    async def body() -> None:
        program = "import os; print(os.environ.get('GIVEN'), os.getsid(0) == os.getpid())"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdin=DEVNULL, stdout=PIPE, env={"GIVEN": "yes"}, start_new_session=True
        )
        answer, _ = await process.communicate()
        assert answer.split() == [b"yes", b"True"]

    on_uvloop(body)


def test_a_killed_child_says_by_which_signal_it_ended() -> None:
    """As asyncio says it: a negative number."""

    async def body() -> None:
        process = await asyncio.create_subprocess_exec("sleep", "60")
        process.kill()
        assert await process.wait() == -signal.SIGKILL

    on_uvloop(body)


def opened() -> int:
    """How many files and sockets this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_program_that_is_not_there_is_an_error_that_leaves_nothing_open(tmp_path: Path) -> None:
    """Neither pipes nor sockets."""

    async def body() -> None:
        before = opened()
        with pytest.raises(FileNotFoundError):
            await asyncio.create_subprocess_exec(str(tmp_path / "missing"), stdin=PIPE, stdout=PIPE)
        assert opened() == before

    on_uvloop(body)


def test_a_cancelled_call_in_a_child_kills_the_child() -> None:
    """The way of every job that computes."""

    async def body() -> None:
        pid = await anyio.to_process.run_sync(os.getpid)
        call = asyncio.create_task(anyio.to_process.run_sync(signal.pause, cancellable=True))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    on_uvloop(body)
