"""What is not as it should be: records that nobody can read on every topic, and requests that no door may take."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord
from trial import log
from trial.fault import Fault, NotAsPromised, Stage

from jobforge.contracts.delivery import PARKED_AT
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.topics import CONTROL

JOBS, INBOX, DEAD, REJECTED = "jobforge.jobs.echo", "jobforge.inbox.settler", "jobforge.dlq.echo", "jobforge.rejected"
HEADERS = 10_000
DEEP = 100_000
LARGE = 1_900_000
NOT_FOUND_WITHIN = 60.0

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that its readers must set aside."""

    name: str
    value: bytes | None
    headers: Headers = ()


def bad_records() -> tuple[Bad, ...]:
    """Everything that bytes can do wrong."""
    long_ago = str(int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)).encode()
    many = tuple((f"h{number}", b"x") for number in range(HEADERS))
    return (
        Bad("random bytes", bytes(range(256)) * 4),
        Bad("no value", None),
        Bad("nothing", b""),
        Bad("truncated JSON", b'{"run_id": "2f0c'),
        Bad("not UTF-8", '{"tenant_id": "caf\u00e9"}'.encode("latin-1")),
        Bad("another message", b'{"schema_version": 1, "colour": "green"}'),
        Bad("not an object", b"[1, 2, 3]"),
        Bad("deep JSON", b"[" * DEEP + b"]" * DEEP),
        Bad("10,000 headers", b"{}", many),
        # It has waited for a worker that knows it for as long as it may.
        Bad("a version from the future", b'{"schema_version": 99}', ((PARKED_AT, long_ago),)),
    )


BAD_VALUES = frozenset(bad.value for bad in bad_records())


async def inject(stage: Stage) -> None:
    """Every bad record on every partition of the topics that somebody reads, and bad requests at the door."""
    await asyncio.gather(_records(stage), _requests(stage))


async def _records(stage: Stage) -> None:
    large = Bad("a large record", b'{"inputs": "' + b"x" * LARGE + b'"}')
    names = {JOBS, f"{JOBS}.slow", INBOX, "jobforge.runs", "jobforge.retry.5s", CONTROL.name}
    async with log.writer(stage.plane.bootstrap) as producer, log.reader(stage.plane.bootstrap) as reader:
        sends, small = [], bad_records()
        for at in await log.partitions(reader, names):
            for bad in (*small, *([large] if at.topic == JOBS else [])):
                named = _run_of(at, stage)
                keys: list[bytes | None] = [named, b"\xff\xfe"]
                if bad.value is not None and at.topic != CONTROL.name:
                    keys.append(None)  # neither a record without a value nor a compacted topic goes without a key
                key = stage.random.choice(keys)
                headers = list(bad.headers)
                sends.append(await producer.send(at.topic, bad.value, key=key, partition=at.partition, headers=headers))
        await asyncio.gather(*sends)


def _run_of(at: TopicPartition, stage: Stage) -> bytes:
    """The key of a run that nobody knows, on the partition where its records belong."""
    while True:
        key = run_key("nobody", UUID(int=stage.random.getrandbits(128), version=4))
        if at.topic == CONTROL.name or partition_of(key, stage.plane.servers.partitions) == at.partition:
            return key


async def _requests(stage: Stage) -> None:
    """Each is refused by name, and the door stays open."""
    good = json.dumps({"tenant_id": "acme", "template_key": "echo.message.reply", "inputs": {"message": "x"}}).encode()
    large = good.replace(b'"x"', b'"' + b"x" * 300_000 + b'"')
    deep = good.replace(b'"x"', b"[" * DEEP + b"]" * DEEP)
    many = [(f"x-h{number}", "x") for number in range(HEADERS)]
    tries: tuple[tuple[str, bytes, list[tuple[str, str]], set[int]], ...] = (
        ("random bytes", bytes(range(256)), [], {400}),
        ("truncated JSON", good[:-9], [], {400}),
        ("deep JSON", deep, [], {400, 413, 422}),
        ("a large body", large, [], {413}),
        ("10,000 headers", good, many, {400, 431}),
        ("a template that is not there", good.replace(b"message.reply", b"message.lost"), [], {404}),
    )
    for name, body, headers, allowed in tries:
        status = await _status(stage, body, headers)
        if status not in allowed:
            raise NotAsPromised(f"{name} was answered with {status}, not with one of {sorted(allowed)}")


async def _status(stage: Stage, body: bytes, headers: list[tuple[str, str]]) -> int:
    """The answer's status; a server that hangs up on a flood of headers has refused it too."""
    async with httpx.AsyncClient(base_url=stage.plane["ingestion"].url, timeout=20) as client:
        try:
            answer = await client.post("/v1/jobs", content=body, headers=headers)
        except httpx.TransportError:
            return 400 if headers else 0
        return answer.status_code


async def all_set_aside(stage: Stage) -> None:
    """Every bad job record is a dead letter with its bytes, every bad inbox record is among the rejected."""
    for topics, aside in ({JOBS, f"{JOBS}.slow"}, DEAD), ({INBOX}, REJECTED):
        sent = [record for record in await log.read_all(stage.plane.bootstrap, topics) if _is_bad(record)]
        kept = {_fingerprint(record) for record in await log.read_all(stage.plane.bootstrap, [aside])}
        missing = [record for record in sent if _fingerprint(record) not in kept]
        stage.notes.append(f"{len(sent)} bad records on {', '.join(sorted(topics))}")
        if missing or not sent:
            raise NotAsPromised(f"{len(missing)} of {len(sent)} bad records are not in {aside} byte for byte")


def _is_bad(record: ConsumerRecord) -> bool:
    return record.value in BAD_VALUES or len(record.value or b"") > LARGE


def _fingerprint(record: ConsumerRecord) -> tuple[bytes | None, bytes | None, int]:
    """Key, value and, since they are many, how many of the headers are as they were sent."""
    own = [name for name, _ in record.headers if not name.startswith("jobforge-") and name != "traceparent"]
    return record.key, record.value, len(own)


ROWS = (
    Fault(
        "bad-records",
        "malformed bytes, unknown versions, oversized payloads, 10,000 headers, deep JSON",
        "refused or dead-lettered with the bytes intact; every partition moves on",
        inject,
        all_set_aside,
        seconds=8,
    ),
)
