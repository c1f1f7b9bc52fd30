"""The client log and the effects log: written whole, read strictly, and held against the log of the plane."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobforge.contracts.identity import run_id_for_key
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest
from jobforge.ledger.client_log import ClientLog
from jobforge.ledger.effects_log import EffectsLog
from jobforge.ledger.evidence import Evidence, LogUnreadable
from jobforge.testkit.run_records import TEMPLATE, requested, succeeded
from jobforge.testkit.simulation.log import JOBS, RUNS

Log = Any
Look = Any
"""Fixtures of conftest.py."""
RUN = run_id_for_key("acme", TEMPLATE, "k")


class Clock:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def writer(path: Path, client: str = "c") -> ClientLog:
    return ClientLog(path, client=client, clock=Clock())


def job(status: Any, run_id: UUID = RUN, tenant: str = "acme", **more: Any) -> Job:
    return Job(id=run_id, tenant_id=tenant, template_key=TEMPLATE, status=status, **more)


def saw(path: Path, *answers: Job | RunManifest | int) -> Path:
    """A client was accepted, and then answered this, one after the other; a number is a refusal."""
    with writer(path) as log:
        log.request("acme", TEMPLATE, "k", {"message": "hello"}).ok(RUN)
        for answer in answers:
            reading = log.reading("acme", RUN, "manifest" if isinstance(answer, RunManifest) else "job")
            if isinstance(answer, Job):
                reading.job(answer)
            elif isinstance(answer, RunManifest):
                reading.manifest(answer)
            else:
                reading.refused(answer)
    return path


def manifest(status: Any, **more: Any) -> RunManifest:
    found = RunManifest(run_id=RUN, tenant_id="acme", status=status, **more)
    return found if status == "pending" else found.sealed()


AS_OF = "jobforge.runs/3@{}"


@pytest.mark.parametrize(
    ("answers", "broken"),
    [
        ([job("queued"), 503, job("running", attempt=1), job("succeeded", attempt=1), manifest("complete")], None),
        ([0, 503, job("queued")], None),
        ([404], "I2"),
        ([job("succeeded"), job("running")], "I2"),
        ([job("succeeded"), job("failed")], "I2"),
        ([job("running", attempt=2), job("running", attempt=1)], "I4"),
        ([job("running", attempt=1), job("queued", attempt=1)], "I2"),
        ([job("succeeded"), manifest("pending")], "I2"),
        ([manifest("complete"), manifest("complete", outputs={"other": 1})], "I2"),
        ([job("running", as_of=AS_OF.format(9)), job("running", as_of=AS_OF.format(8))], "I2"),
        ([job("running", as_of=AS_OF.format(9)), job("running", as_of=AS_OF.format(9))], None),
        ([job("failed")], "I2"),
        ([job("running", run_id=uuid4())], "I5"),
        ([job("running", tenant="other")], "I5"),
    ],
)
async def test_what_was_seen_is_never_taken_back(
    log: Log, look: Look, tmp_path: Path, answers: list[Any], broken: str | None
) -> None:
    """Each answer is held against those that had come before it was asked for, and against the log."""
    log.put(JOBS, requested(RUN))
    log.put(RUNS, succeeded(RUN))
    report = await look(client_log=saw(tmp_path / "log", *answers))
    assert set(report.found) == ({broken} if broken else set())
    if broken:
        assert report.findings[0].run == str(RUN)


async def test_answers_that_overlap_may_come_in_any_order(log: Log, look: Look, tmp_path: Path) -> None:
    """A read that was asked for before another's answer came may be older."""
    log.put(JOBS, requested(RUN))
    log.put(RUNS, succeeded(RUN))
    with writer(tmp_path / "log") as client:
        slow, fast = client.reading("acme", RUN), client.reading("acme", RUN)
        fast.job(job("succeeded"))
        slow.job(job("queued"))
    assert (await look(client_log=tmp_path / "log")).clean


async def test_a_foreign_tenant_must_get_404(log: Log, look: Look, tmp_path: Path) -> None:
    """And nobody may find another's marks in an answer."""
    log.put(JOBS, requested(RUN))
    with writer(tmp_path / "log") as client:
        client.reading("other", RUN).refused(404)
    assert (await look(client_log=tmp_path / "log")).clean
    with writer(tmp_path / "log") as client:
        client.reading("other", RUN).job(job("queued"))
        client.reading("acme", RUN).job(job("queued"), foreign=["other"])
    assert (await look(client_log=tmp_path / "log")).found["I5"] == 3


async def test_what_was_accepted_must_be_in_the_log(log: Log, look: Look, tmp_path: Path) -> None:
    """An ambiguous request may be there or not; an acceptance that is gone is named."""
    with writer(tmp_path / "log") as client:
        client.request("acme", TEMPLATE, "unsure", {}).info()
        client.request("acme", TEMPLATE, "refused", {}).fail(422, "request.invalid")
        client.request("acme", TEMPLATE, "killed", {})
    assert (await look(client_log=tmp_path / "log")).clean
    with writer(tmp_path / "log") as client:
        client.request("acme", TEMPLATE, "k", {}).ok(RUN)
    report = await look(client_log=tmp_path / "log")
    assert [(finding.invariant, finding.run) for finding in report.findings] == [("I1", str(RUN))]
    assert (await look(client_log=tmp_path / "log", tenant="other")).clean


async def test_keyed_effects_are_visible_once_and_carry_their_roots_key(log: Log, look: Look, tmp_path: Path) -> None:
    """Across attempts and replays; repeats that the far side absorbed are fine."""
    replay, root = uuid4(), uuid4()
    log.put(JOBS, requested(replay, replay_of=root, root_run_id=root))
    log.put(JOBS, requested(RUN))
    effects = EffectsLog(tmp_path / "effects")
    effects.write(f"{root}:post", "visible", run_id=root, step="post", attempt=1)
    effects.write(f"{root}:post", "repeat", run_id=replay, step="post", attempt=1)
    effects.write(f"{root}:other", "refused", run_id=replay, step="other", attempt=1)
    assert (await look(effects_log=tmp_path / "effects")).clean
    effects.write(f"{replay}:post", "visible", run_id=replay, step="post", attempt=2)
    effects.write(f"{RUN}:post", "visible", run_id=RUN, step="post", attempt=1)
    effects.write(f"{RUN}:post", "visible", run_id=RUN, step="post", attempt=1)
    effects.close()
    report = await look(effects_log=tmp_path / "effects")
    assert sorted((finding.invariant, finding.run) for finding in report.findings) == sorted(
        [("I3", str(replay)), ("I3", str(RUN))]
    )


def test_a_killed_clients_last_line_is_left_out_and_any_other_broken_one_is_named(tmp_path: Path) -> None:
    """Several clients append to one file; a line in the middle that is not whole is somebody else's fault."""
    path = tmp_path / "log"
    for client in ("c1", "c2"):
        with writer(path, client) as log:
            log.reading("acme", RUN).refused(503)
    with path.open("ab") as file:
        file.write(b'{"op":"read","be')
    evidence = Evidence()
    evidence.load(client_log=path)
    assert [seen.client for seen in evidence.reads_of(str(RUN))] == ["c1", "c2"]
    evidence.close()
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(LogUnreadable, match="line 3: not a JSON object"):
        Evidence().load(client_log=path)
    path.write_bytes(b'{"op":"read"}\n')
    with pytest.raises(LogUnreadable, match="line 1: it has no 'run'"):
        Evidence().load(client_log=path)
