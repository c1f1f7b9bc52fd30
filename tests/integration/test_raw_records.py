"""Records that only clients other than aiokafka write, on real Kafka: each is set aside, and the next one is read."""

import json
from hashlib import sha256

from aiokafka import ConsumerRecord

from jobforge.contracts.dead_letter import (
    HEADERS_LEFT_OUT,
    ORIGIN_OFFSET,
    REASON,
    VALUE_BYTES,
    VALUE_NULL,
    VALUE_SHA256,
    added_headers,
)
from jobforge.contracts.identity import partition_of, run_key
from jobforge.testkit.builders import job_requested
from jobforge.testkit.raw_records import GZIP, Raw, write_raw
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers

INBOX, REJECTED = "jobforge.inbox.settler", "jobforge.rejected"
JOBS, DEAD, RUNS = "jobforge.jobs.echo", "jobforge.dlq.echo", "jobforge.runs"
NOTHING = Raw(None, None)
NAMED = Raw(b"k", b"{", ((b"caf\xe9", b"\xff"),))
LARGE = Raw(b"k", json.dumps({"kind": "event", "payload": "x" * 3_000_000}).encode())
FLOOD = Raw(b"k", b"{", tuple((b"h", b"x" * 1000) for _ in range(3000)))
LAST = Raw(b"last", b"{")


async def set_aside(workers: Workers, topic: str, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    """What a topic for what cannot go on holds when it holds as many, oldest first by where it came from."""
    found: list[ConsumerRecord[bytes, bytes]] = []

    async def all_there() -> bool:
        found[:] = await workers.read(topic)
        return len(found) >= count

    await until(all_there)
    return sorted(found, key=lambda record: int(added_headers(record.headers)[ORIGIN_OFFSET]))


async def test_an_inbox_goes_on_behind_records_that_aiokafka_cannot_read_or_write(workers: Workers) -> None:
    """Neither key nor value, a name that is not UTF-8, 3 MB of JSON or of headers, compressed on the way in."""
    await workers.services.start("ingestion")
    for record in (NOTHING, NAMED, LARGE, FLOOD, LAST):
        await write_raw(workers.plane.kafka_bootstrap, INBOX, record, compression=GZIP)
    nothing, named, large, flood, last = await set_aside(workers, REJECTED, 5)
    assert (nothing.key, nothing.value, added_headers(nothing.headers)[VALUE_NULL]) == (None, b"", "true")
    assert (named.key, named.value, named.headers[0]) == (b"k", b"{", ("caf\\xe9", b"\xff"))
    assert large.value
    assert (LARGE.value or b"").startswith(large.value)
    said = added_headers(large.headers)
    assert said[REASON] == "request.too_large"
    assert (said[VALUE_BYTES], said[VALUE_SHA256]) == (
        str(len(LARGE.value or b"")),
        sha256(LARGE.value or b"").hexdigest(),
    )
    assert (flood.key, flood.value, added_headers(flood.headers)[HEADERS_LEFT_OUT]) == (b"k", b"{", "3000")
    assert (last.key, last.value, VALUE_NULL in added_headers(last.headers)) == (b"last", b"{", False)


async def test_a_worker_goes_on_behind_records_that_aiokafka_cannot_read_or_write(workers: Workers) -> None:
    """The same on the topic of its jobs."""
    await workers.services.start("echo")
    for record in (NOTHING, NAMED, FLOOD):
        await write_raw(workers.plane.kafka_bootstrap, JOBS, record, compression=GZIP)
    await workers.ended(await workers.ask(8))
    nothing, named, flood = await set_aside(workers, DEAD, 3)
    assert (nothing.key, nothing.value) == (None, b"")
    assert (named.key, named.value, named.headers[0]) == (b"k", b"{", ("caf\\xe9", b"\xff"))
    assert (flood.key, flood.value) == (b"k", b"{")


async def test_jobs_that_only_a_compressed_batch_can_hold_end_and_hold_nobody_up(workers: Workers) -> None:
    """One too large to be run, and one too large to be tried again."""
    await workers.services.start("echo")
    large = job_requested({"message": "x" * 3_000_000})
    flood = job_requested({"fail_times": 1}, attempts=2)
    for request, headers in (large, ()), (flood, FLOOD.headers):
        key = run_key(request.tenant_id, request.run_id)
        at = partition_of(key, workers.plane.partitions)
        record = Raw(key, request.to_bytes(), headers)
        await write_raw(workers.plane.kafka_bootstrap, JOBS, record, partition=at, compression=GZIP)
    ids = [large.run_id, flood.run_id, *await workers.ask(8)]
    assert await workers.ended(ids) == dict.fromkeys(ids, 1)
    said = [added_headers(record.headers)[REASON] for record in await set_aside(workers, DEAD, 2)]
    assert said == ["record.too_large"] * 2


async def test_the_view_goes_on_behind_a_record_of_runs_with_neither_key_nor_value(workers: Workers) -> None:
    """It is among the rejected, and so is the one behind it."""
    await workers.services.start("manifest")
    for record in (NOTHING, LAST):
        await write_raw(workers.plane.kafka_bootstrap, RUNS, record)
    nothing, last = await set_aside(workers, REJECTED, 2)
    assert (nothing.key, nothing.value, last.key, last.value) == (None, b"", b"last", b"{")
