"""What the checker makes of single histories, above all of those that only look wrong."""

import gc
from typing import Any
from uuid import uuid4

import orjson
import pytest

from jobforge.contracts.dead_letter import dead_letter_headers
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import JobError
from jobforge.contracts.manifest import Artifact, RunManifest, Timings, content_digest
from jobforge.contracts.runs import ArtifactWritten, Outcome, RunCanceled, RunRestored, RunSucceeded
from jobforge.ledger.findings import Report
from jobforge.ledger.part import Part
from jobforge.ledger.run_state import RunState
from jobforge.testkit.run_records import failed, requested, started, succeeded
from jobforge.testkit.simulation.log import DEAD, JOBS, MANIFESTS, PARTITIONS, REJECTED, RETRY, RUNS, SLOW

Log = Any
Look = Any
"""Fixtures of conftest.py."""
RUN = uuid4()


def sealed(end: Outcome, **more: Any) -> RunManifest:
    """The manifest of an end."""
    done = isinstance(end, RunSucceeded)
    fields: dict[str, Any] = {
        "status": "complete" if done else "failed",
        "outputs": getattr(end, "outputs", None),
        "artifacts": tuple(Artifact(**one.model_dump()) for one in getattr(end, "artifacts", ())),
        "timings": Timings(finished_at=end.finished_at),
        "error": getattr(end, "error", None),
        **more,
    }
    return RunManifest(run_id=end.run_id, tenant_id=end.tenant_id, **fields).sealed()


def found(report: Report) -> set[tuple[str, str | None]]:
    return {(finding.invariant, finding.run) for finding in report.findings}


def partition() -> int:
    return partition_of(run_key("acme", RUN), PARTITIONS)


async def test_a_whole_run_is_clean_and_counted(log: Log, look: Look) -> None:
    """Accepted, started, ended twice, one manifest that was published twice."""
    log.put(JOBS, requested(RUN))
    log.put(RUNS, started(RUN))
    log.put(RUNS, succeeded(RUN))
    log.put(RUNS, failed(RUN))
    for _ in range(2):
        log.put(MANIFESTS, sealed(succeeded(RUN)))
    log.commit_all("jobs-echo", JOBS)
    log.commit_all("manifest", RUNS)
    report = await look(settled=True)
    assert report.clean
    tally = report.tenants["acme"]
    assert (tally.accepted, tally.ended, tally.in_flight, report.repeated_ends, report.records) == (1, 1, 0, 1, 6)


@pytest.mark.parametrize("carrier", ["not read yet", "waits for its retry", "moved to the slow lane"])
async def test_a_run_on_its_way_is_in_flight_and_not_lost(log: Log, look: Look, carrier: str) -> None:
    """Some record of it is not done with; once all are, it is lost, and named."""
    log.put(JOBS, requested(RUN))
    log.put(RUNS, started(RUN))
    if carrier != "not read yet":
        log.commit_all("jobs-echo", JOBS)
    if carrier == "waits for its retry":
        log.put(RETRY, requested(RUN), headers=Delivery(2, return_to=JOBS).headers(()))
    if carrier == "moved to the slow lane":
        log.put(SLOW, requested(RUN))
    report = await look()
    assert report.clean
    assert report.tenants["acme"].in_flight == 1
    assert found(await look(settled=True)) == {("I1", str(RUN))}
    for group, topic in (("jobs-echo", JOBS), ("jobs-echo", SLOW), ("scheduler", RETRY)):
        log.commit_all(group, topic)
    assert found(await look()) == {("I11", str(RUN))}


async def test_what_the_log_no_longer_holds_is_not_judged(log: Log, look: Look) -> None:
    """After retention a request may have lost its end, or an end its request: neither is a finding, and it is said."""
    other = next(run for run in iter(uuid4, None) if partition_of(run_key("acme", run), PARTITIONS) == partition())
    log.put(JOBS, requested(RUN))
    log.put(RUNS, started(RUN))
    log.now = 1_000
    log.put(RUNS, succeeded(other))
    log.commit_all("jobs-echo", JOBS)
    log.deleted = {(RUNS, partition()): 1, (JOBS, partition()): 0}
    assert found(await look()) == {("I11", str(other))}
    log.deleted[JOBS, partition()] = 1
    log.put(JOBS, requested(RUN))
    log.records[JOBS, partition()][-1] = log.records[JOBS, partition()][0]
    report = await look()
    assert report.clean
    assert "older records were deleted" in report.notes[0]


@pytest.mark.parametrize("value", [b"{", b'{"colour": "green"}'], ids=["no JSON", "JSON that names nobody"])
async def test_an_unreadable_request_ends_and_its_bytes_are_kept(log: Log, look: Look, value: bytes) -> None:
    """It counts as accepted and as ended; a dead letter that differs by one byte is found."""
    key = run_key("acme", RUN)
    offset = log.send(JOBS, key, value, (("mine", b"\xff"),))
    headers = dead_letter_headers(
        (("mine", b"\xff"),),
        reason="record.malformed",
        detail="not JSON",
        topic=JOBS,
        partition=partition(),
        offset=offset,
        timestamp=0,
        dead_at="2026-11-25T00:00:00Z",
    )
    log.send(DEAD, key, value, (*headers, ("traceparent", b"00-1-2-01")))
    log.put(RUNS, failed(RUN, code="job.unreadable"))
    assert (await look()).clean
    log.send(DEAD, key, value + b" ", headers)
    assert found(await look()) == {("I10", str(RUN))}


async def test_a_strangers_record_on_a_retry_topic_is_no_run_that_ended_though_nobody_asked(
    log: Log, look: Look
) -> None:
    """Its key names the run that it ends as unreadable; any other end needs a request."""
    log.send(RETRY, run_key("acme", RUN), b"{")
    log.put(RUNS, failed(RUN, code="job.unreadable"))
    log.put(MANIFESTS, sealed(failed(RUN, code="job.unreadable")))
    assert (await look()).clean
    other = uuid4()
    log.send(RETRY, run_key("acme", other), b"{")
    log.put(RUNS, failed(other))
    assert ("I11", str(other)) in found(await look())


async def test_a_restored_run_keeps_its_old_manifest(log: Log, look: Look) -> None:
    """An end from the archive, published again: the same digest as ever."""
    old = sealed(succeeded(RUN))
    log.put(JOBS, requested(RUN))
    log.put(RUNS, RunRestored(run_id=RUN, tenant_id="acme", manifest=old.model_dump(mode="json")))
    log.put(MANIFESTS, old)
    assert (await look(settled=True)).clean
    log.put(MANIFESTS, sealed(succeeded(RUN), metrics={"again": 1}))
    assert found(await look()) == {("I1", str(RUN)), ("I7", str(RUN))}


async def test_a_canceled_run_has_a_manifest_that_says_so(log: Log, look: Look) -> None:
    """Its end is a terminal record like any other."""
    error = JobError(code="job.canceled", message="as asked")
    fields = failed(RUN).model_dump(exclude={"type", "error"})
    end = RunCanceled(**fields, error=error)
    log.put(JOBS, requested(RUN))
    log.put(RUNS, end)
    log.put(MANIFESTS, sealed(end))
    assert (await look(settled=True)).clean


async def test_a_manifest_of_another_version_is_digested_as_it_was_written(log: Log, look: Look) -> None:
    """A field that this version does not know is part of its content."""
    end = succeeded(RUN)
    content = {**sealed(end).model_dump(mode="json"), "brand_new": True}
    content["digest"] = content_digest(content)
    log.put(JOBS, requested(RUN))
    log.put(RUNS, end)
    log.send(MANIFESTS, run_key("acme", RUN), orjson.dumps(content))
    assert (await look()).clean
    log.send(MANIFESTS, run_key("acme", RUN), orjson.dumps({**content, "brand_new": False}))
    assert found(await look()) == {("I7", str(RUN))}


async def test_a_second_body_is_refused_or_found(log: Log, look: Look) -> None:
    """Until the worker has passed it nothing is said."""
    log.put(JOBS, requested(RUN))
    offset = log.put(JOBS, requested(RUN, inputs={"message": "other"}))
    log.put(RUNS, succeeded(RUN))
    assert (await look()).clean
    log.commit_all("jobs-echo", JOBS)
    assert found(await look()) == {("I8", str(RUN))}
    record = log.records[JOBS, partition()][offset]
    headers = dead_letter_headers(
        (),
        reason="idempotency.conflict",
        detail="another body",
        topic=JOBS,
        partition=partition(),
        offset=offset,
        timestamp=0,
        dead_at="2026-11-25T00:00:00Z",
    )
    log.send(REJECTED, record.key, record.value, headers)
    assert (await look()).clean


async def test_an_attempt_needs_the_retry_that_asked_for_it(log: Log, look: Look) -> None:
    """A second attempt that no retry topic held came from nowhere."""
    log.put(JOBS, requested(RUN))
    log.put(RUNS, started(RUN, attempt=2))
    assert found(await look()) == {("I4", str(RUN))}
    log.put(RETRY, requested(RUN), headers=Delivery(2, return_to=JOBS).headers(()))
    assert (await look()).clean


async def test_one_tenants_value_under_anothers_key_is_found(log: Log, look: Look) -> None:
    """The key decides where it is read, so the value must agree."""
    log.send(JOBS, run_key("acme", RUN), requested(RUN, "other").to_bytes())
    assert ("I5", str(RUN)) in found(await look())


async def test_artifacts_must_be_in_the_winners_place_with_their_bytes(log: Log, look: Look) -> None:
    """The place is judged by the log alone, the bytes where a store is given."""

    class Store:
        async def sha256(self, location: str) -> str | None:
            return {"good": "a" * 64, "bad": "b" * 64}.get(location.rpartition("/")[2])

    def written(name: str, claim: str = "c1") -> ArtifactWritten:
        place = f"artifacts/acme/{RUN}/1-{claim}/{name}"
        return ArtifactWritten(name=name, media_type="text/plain", size=1, sha256="a" * 64, location=place)

    log.put(JOBS, requested(RUN))
    log.put(RUNS, succeeded(RUN, artifacts=(written("good"), written("bad"), written("gone"))))
    assert (await look()).clean
    report = await look(artifacts=Store())
    assert [finding.what.partition(" is ")[0].rpartition("/")[2][:8] for finding in report.of("I6")] == [
        "bad has ",
        "gone",
    ]
    log.records[RUNS, partition()].clear()
    log.put(RUNS, succeeded(RUN, artifacts=(written("good", claim="c2"),)))
    assert found(await look()) == {("I6", str(RUN))}


async def test_the_view_must_answer_what_was_published(log: Log, look: Look) -> None:
    """The same digest, over the same content."""
    end = succeeded(RUN)
    log.put(JOBS, requested(RUN))
    log.put(RUNS, end)
    log.put(MANIFESTS, sealed(end))
    answers: list[Any] = [
        sealed(end).model_dump(mode="json"),
        {**sealed(end).model_dump(mode="json"), "duplicates": 4},
        sealed(end, metrics={"other": 1}).model_dump(mode="json"),
        {**sealed(end).model_dump(mode="json"), "metrics": {"other": 1}},
        RunManifest(run_id=RUN, tenant_id="acme", status="pending").model_dump(mode="json"),
        "the view answers 404 for its manifest",
    ]

    class View:
        async def manifest(self, tenant: str, run: str) -> Any:
            return answers[0]

    clean = []
    while answers:
        clean.append((await look(view=View())).clean)
        answers.pop(0)
    assert clean == [True, True, False, False, False, False]


async def test_a_partition_is_forgotten_before_the_next_is_read(log: Log, look: Look) -> None:
    """So memory is bounded by the runs of one partition, however long the log is."""
    counts: list[int] = []
    for run_id in [uuid4() for _ in range(200)]:
        log.put(JOBS, requested(run_id))
        log.put(RUNS, succeeded(run_id))
    sizes = [len(log.records[JOBS, number]) for number in range(PARTITIONS)]

    def told(progress: Any) -> None:
        gc.collect()
        counts.append(sum(isinstance(one, RunState) for one in gc.get_objects()))

    await look(told=told)
    assert 0 < max(counts) <= max(sizes)
    assert not [one for one in gc.get_objects() if isinstance(one, Part)]
