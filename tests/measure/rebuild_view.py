"""Measures how long the view takes to come back from the log after FLUSHALL, and that nothing is published again.

usage: uv run python tests/measure/rebuild_view.py [--runs N]

Starts servers of its own and one manifest service, writes N finished echo runs (100,000 unless told otherwise; three
records each) straight into the log, waits until all is applied, published and committed, flushes Redis, and waits until
every watermark is back where it was. Exit code 1 if a manifest was published twice or a digest differs.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid4

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from jobforge.contracts.base import Message
from jobforge.contracts.identity import partition_of, run_key
from jobforge.testkit.backends import Backend, Plane, start_backend
from jobforge.testkit.processes import Services
from jobforge.testkit.run_records import requested, started, succeeded
from jobforge.testkit.waiting import until

JOBS, RUNS, MANIFESTS = "jobforge.jobs.echo", "jobforge.runs", "jobforge.manifests"
GROUP = "manifest"
TENANT = "acme"
SAMPLE = 200


def main() -> int:
    """Run on servers of its own, and end them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    runs: int = parser.parse_args().runs
    os.environ.setdefault("JOBFORGE_TEST_BACKEND", "native")
    with tempfile.TemporaryDirectory(prefix="jobforge-rebuild-") as scratch:
        backend: Backend = start_backend(Path(scratch))
        try:
            return asyncio.run(measure(Plane(backend), Path(scratch), runs))
        finally:
            backend.close()


async def measure(plane: Plane, folder: Path, runs: int) -> int:
    """Fill, wait, flush, wait; says what was seen."""
    await plane.reset()
    (folder / "artifacts").mkdir()
    ids = await fill(plane, runs)
    log = AIOKafkaConsumer(bootstrap_servers=plane.kafka_bootstrap, group_id=GROUP, enable_auto_commit=False)
    await log.start()
    redis = Redis.from_url(plane.redis_url)
    environment = plane.environment(artifacts=folder / "artifacts", traces=False)
    async with Services(environment, logs=folder / "logs") as services:
        began = time.monotonic()
        await services.start("manifest", timeout=900)
        await until(lambda: applied(redis, log, plane.partitions), timeout=900, every=0.1)
        first = time.monotonic() - began
        await until(lambda: committed(log, plane.partitions), timeout=900, every=0.5)
        snapshots = await end_of(log, MANIFESTS, plane.partitions)
        before = await digests(services["manifest"].url, ids)
        began = time.monotonic()
        await redis.flushall()
        await until(lambda: applied(redis, log, plane.partitions), timeout=900, every=0.1)
        again = time.monotonic() - began
        after = await digests(services["manifest"].url, ids)
        memory = services["manifest"].resident_bytes / 2**20
        used = (await redis.info("memory"))["used_memory"] / 2**20
    repeated = await end_of(log, MANIFESTS, plane.partitions) - snapshots
    await log.stop()
    await redis.aclose()
    print(f"{runs} runs: applied and published for the first time in {first:.1f} s, rebuilt in {again:.1f} s")
    print(f"manifest service {memory:.0f} MiB, Redis {used:.0f} MiB, snapshots published again: {repeated}")
    return 0 if repeated == 0 and before == after and snapshots >= runs else 1


async def fill(plane: Plane, runs: int) -> list[UUID]:
    """Write the runs' records as ingestion and a worker would; returns some of their ids."""
    producer = AIOKafkaProducer(bootstrap_servers=plane.kafka_bootstrap, max_batch_size=512 * 1024, linger_ms=5)
    await producer.start()
    kept = []
    for number in range(runs):
        run_id = uuid4()
        key = run_key(TENANT, run_id)
        at = partition_of(key, plane.partitions)

        async def write(topic: str, message: Message, key: bytes = key, at: int = at) -> None:
            await producer.send(topic, value=message.to_bytes(), key=key, partition=at)

        await write(JOBS, requested(run_id, TENANT))
        await write(RUNS, started(run_id, TENANT))
        await write(RUNS, succeeded(run_id, TENANT))
        if number % max(1, runs // SAMPLE) == 0:
            kept.append(run_id)
    await producer.flush()
    await producer.stop()
    return kept


async def applied(redis: Redis, log: AIOKafkaConsumer, partitions: int) -> bool:
    """Whether every watermark is at the end of its partition."""
    held: dict[bytes, bytes] = await redis.hgetall("jobforge:watermarks")  # type: ignore[assignment]  # bytes: never decoded
    ends = await log.end_offsets([TopicPartition(topic, n) for topic in (JOBS, RUNS) for n in range(partitions)])
    return all(int(held.get(f"{at.topic}/{at.partition}".encode(), -1)) == end for at, end in ends.items())


async def committed(log: AIOKafkaConsumer, partitions: int) -> bool:
    """Whether the group committed everything, which it does once it is published."""
    wanted = [TopicPartition(RUNS, number) for number in range(partitions)]
    ends = await log.end_offsets(wanted)
    return all([await log.committed(at) == end for at, end in ends.items()])


async def end_of(log: AIOKafkaConsumer, topic: str, partitions: int) -> int:
    """How many records were ever written to a topic."""
    return sum((await log.end_offsets([TopicPartition(topic, number) for number in range(partitions)])).values())


async def digests(url: str, ids: list[UUID]) -> dict[UUID, str]:
    """The digests of these manifests, as the service serves them."""
    found = {}
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        for run_id in ids:
            answer = await client.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": TENANT})
            found[run_id] = json.loads(answer.raise_for_status().content)["digest"]
    return found


if __name__ == "__main__":
    sys.exit(main())
