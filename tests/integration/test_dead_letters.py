"""Records that no worker can read, on real Kafka."""

from uuid import uuid4

from jobforge.contracts.dead_letter import ALWAYS_ADDED, REASON, added_headers
from jobforge.contracts.identity import run_key
from jobforge.contracts.runs import RunFailed
from jobforge.contracts.topics import MAX_MESSAGE_BYTES
from jobforge.testkit.workers import Workers

JOBS, DEAD = "jobforge.jobs.echo", "jobforge.dlq.echo"


async def test_what_cannot_be_read_is_kept_byte_for_byte_and_the_partition_moves_on(workers: Workers) -> None:
    """No key, no value, no UTF-8, one header twice, a record as large as a topic takes: all kept, and work goes on."""
    run_id = uuid4()
    records = [
        (None, b"{", ()),
        (b"\xff\x00key", b"\x80\x81\x00", (("a", b"\xff"), ("a", b""), ("\u00e9", b"2"), (REASON, b"mine"))),
        (run_key("acme", run_id), None, ()),
        (b"", b"", ()),
        (b"k", b"x" * (MAX_MESSAGE_BYTES - 200), ()),
    ]
    await workers.services.start("echo")
    for key, value, headers in records:
        await workers.kafka.publisher.publish(JOBS, key=key, value=value, headers=headers, partition=0)
    after = await workers.ask(8)
    await workers.ended([*after, run_id])

    dead = await workers.read(DEAD)
    assert {(r.key, r.value, tuple(r.headers[: len(r.headers) - len(ALWAYS_ADDED)])) for r in dead} == set(records)
    assert {added_headers(r.headers)[REASON] for r in dead} == {"record.malformed"}
    (end,) = [outcome for outcome in await workers.outcomes() if outcome.run_id == run_id]
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.unreadable"
