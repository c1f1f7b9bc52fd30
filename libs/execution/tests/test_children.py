"""What child processes promise: killed alone, never outliving their parent, and gone when idle."""

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import psutil
import pytest

from jobforge.execution.children import Children
from jobforge.execution.errors import ChildDied, Retryable
from jobforge.testkit.waiting import until


def gone(pid: int) -> bool:
    """Whether no such process works any more."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_an_exception_of_the_function_comes_back_as_it_is() -> None:
    """Class and words survive the way out of the child."""
    with pytest.raises(json.JSONDecodeError, match="Expecting property name"):
        await Children(1).run(json.loads, "{")


async def test_a_function_that_asks_to_end_its_process_does_not_end_its_callers() -> None:
    """``SystemExit`` was raised again in the worker, whose event loop it ended: each further try killed a worker."""
    with pytest.raises(ChildDied, match="asked to end its process: SystemExit: 3"):
        await Children(1).run(sys.exit, 3)


def test_a_retryable_failure_keeps_its_hint_on_the_way_out_of_a_child() -> None:
    """What is pickled there is what the engine sees here."""
    there = Retryable("busy", after=timedelta(seconds=5))
    here = pickle.loads(pickle.dumps(there))
    assert (str(here), here.after) == ("busy", timedelta(seconds=5))


async def test_a_cancelled_call_kills_its_child_and_no_other() -> None:
    """The neighbour's work goes on."""
    children = Children(2)
    neighbour = asyncio.create_task(children.run(time.sleep, 0.5))
    doomed_pid = await children.run(os.getpid)
    doomed = asyncio.create_task(children.run(time.sleep, 60))
    await asyncio.sleep(0)
    await until(lambda: psutil.Process(doomed_pid).num_threads() > 0)
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    await neighbour


async def test_a_child_that_is_killed_is_a_failure_that_says_so() -> None:
    """The call ends at once, and the next call gets another child."""
    children = Children(1)
    pid = await children.run(os.getpid)
    call = asyncio.create_task(children.run(time.sleep, 60))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChildDied):
        await call
    assert await children.run(os.getpid) != pid


async def test_an_idle_child_gives_its_memory_back() -> None:
    """After a while without work the child is gone, and the next call starts another."""
    children = Children(1, kept_warm=0.1)
    pid = await children.run(os.getpid)
    await until(lambda: gone(pid))
    assert await children.run(os.getpid) != pid


async def test_a_warm_child_is_used_again() -> None:
    """Two calls close together share one child."""
    children = Children(1)
    assert await children.run(os.getpid) == await children.run(os.getpid)


async def test_a_child_does_not_outlive_a_killed_parent() -> None:
    """``kill -9`` of the service leaves nobody computing for it."""
    program = textwrap.dedent(
        """
        import asyncio, os, time
        from jobforge.execution.children import Children

        async def main():
            children = Children(1)
            print(await children.run(os.getpid), flush=True)
            await children.run(time.sleep, 60)

        asyncio.run(main())
        """
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until(lambda: gone(pid))
