"""Measures the plane against a raw path on the same machine in the same minutes: ``make bench``.

Only the ratios mean something on a busy machine. ``JOBS`` is how many jobs each burst takes, ``ALONE`` how many run one
by one before it, ``PAIRS`` how often plane and raw path take turns, ``OPEN_SECONDS`` how long the open loops run. The
table is printed, and written with every pair to ``.runtime/bench/``. Ends with 1 when a target is missed.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from ratios import machine, raw_path, table, traces, turns
from ratios.figures import Session, Settings, Spans
from ratios.plane_path import PlaneClient
from ratios.turns import Contenders

from jobforge.native import processes
from jobforge.testkit import native_backend
from jobforge.testkit.backends import Plane, Server
from jobforge.testkit.native_backend import NativeServer
from jobforge.testkit.processes import Services

RESULTS = Path(__file__).parents[2] / ".runtime" / "bench"
SERVICES = ("ingestion", "manifest", "scheduler", "echo")
CONCURRENCY = 50


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that runs: both sides, the plane's clients and its services."""

    sides: Contenders
    clients: list[PlaneClient]
    urls: list[str]
    starts: dict[str, float]


async def measure(plane: Plane, folder: Path, settings: Settings) -> Session:
    """Start both paths, warm them up, let them take turns."""
    counter = traces.count_in_jaeger()
    session = Session(settings, machine.described(), services=SERVICES)
    async with running(plane, folder) as bench:
        session.starts = bench.starts
        sample = traces.Sample(plane.jaeger_url)
        before = await traces.stored(counter)
        jobs = 0
        await bench.sides.pair(settings, raw_first=False)  # warms everything up
        for number in range(settings.pairs):
            session.pairs.append(await bench.sides.pair(settings, raw_first=number % 2 == 1))
            jobs += await _sampled(bench.clients, sample)
            print(f"pair {number + 1} of {settings.pairs}", flush=True)
        session.open_loops = await bench.sides.open_loops(session.pairs, settings.open_seconds)
        jobs += await _sampled(bench.clients, sample)
        expected = jobs * len(traces.JOB_SPANS)
        stored = await traces.stored(counter, at_least=before + expected) - before
        dropped = await traces.dropped(bench.urls)
        session.spans = Spans(expected, stored, dropped, sample.read, len(sample.incomplete))
        session.peaks = machine.peaks({**bench.sides.plane.pids, **bench.sides.raw.pids})
    return session


async def _sampled(clients: list[PlaneClient], sample: traces.Sample) -> int:
    """Look at some traces of the jobs since the last look; returns how many jobs these were."""
    found = [trace for client in clients for trace in client.traces]
    newest = [trace for client in clients for trace in client.traces[-traces.KEPT // 2 // len(clients) :]]
    await sample.take(newest)
    for client in clients:
        client.traces.clear()
    return len(found)


@asynccontextmanager
async def running(plane: Plane, folder: Path) -> AsyncIterator[Bench]:
    """Services, raw workers and the clients of both, connected."""
    await plane.reset()
    await raw_path.make_topics(plane.kafka_bootstrap, partitions=plane.partitions)
    (folder / "artifacts").mkdir()
    environment = plane.environment(artifacts=folder / "artifacts", traces=True)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(Services(environment, logs=folder / "logs"))
        starts = {name: await _start(services, name) for name in SERVICES}
        workers = raw_path.start_workers(plane.kafka_bootstrap, plane.redis_url, logs=folder / "logs")
        stack.callback(processes.stop, workers.values(), grace=1)
        raw = await stack.enter_async_context(
            raw_path.raw_clients(plane.kafka_bootstrap, plane.redis_url, count=CONCURRENCY)
        )
        doors = services["ingestion"].url, services["manifest"].url
        clients = [await PlaneClient.open(*doors) for _ in range(CONCURRENCY)]
        shared = _pids({"kafka": plane.kafka, "redis": plane.valkey}) | {"client": os.getpid()}
        ours = {name: services[name].pid for name in SERVICES} | _pids({"jaeger": plane.servers.jaeger})
        theirs = {f"raw {name}": worker.pid for name, worker in workers.items()}
        sides = Contenders(
            turns.Contender("plane", clients, ours | shared), turns.Contender("raw", raw, theirs | shared)
        )
        yield Bench(sides, clients, [services[name].url for name in SERVICES], starts)
        await asyncio.gather(*(each.close() for each in clients))


async def _start(services: Services, name: str) -> float:
    """Start a service while no other starts; returns the seconds until it was ready."""
    service = services.add(name)
    service.begin()
    return await service.ready()


def _pids(servers: Mapping[str, Server]) -> dict[str, int]:
    """The servers' process ids."""
    running = {name: server.running for name, server in servers.items() if isinstance(server, NativeServer)}
    return {name: found.pid for name, found in running.items() if found is not None}


def write(session: Session, folder: Path) -> None:
    """Leave the table and all pairs in files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.md").write_text(table.markdown(session), encoding="utf-8")
    (folder / "bench.json").write_text(json.dumps(session.as_dict(), indent=1), encoding="utf-8")


def main() -> int:
    """Run the benchmark on servers of its own, and end them; returns the exit code."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics that are just being made are no news
    settings = Settings(
        jobs=max(int(os.environ.get("JOBS", "5000")) // CONCURRENCY, 1) * CONCURRENCY,
        pairs=max(int(os.environ.get("PAIRS", "5")), 1),
        alone=max(int(os.environ.get("ALONE", "300")), 2),
        open_seconds=float(os.environ.get("OPEN_SECONDS", "60")),
        concurrency=CONCURRENCY,
    )
    with tempfile.TemporaryDirectory(prefix="jobforge-bench-") as scratch:
        # CPU and memory are read from processes, not from containers; Redis is as in docker-compose.yml.
        backend = native_backend.start(Path(scratch), keep_redis=False)
        try:
            session = uvloop.run(measure(Plane(backend), Path(scratch), settings))
        finally:
            backend.close()
    write(session, RESULTS)
    print(table.markdown(session))
    missed = table.missed(session)
    if missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
