"""Measures the plane against a raw path on the same machine in the same minutes: ``make bench``.

Only the ratios mean something on a busy machine. ``JOBS`` is how many jobs each burst takes, ``PAIRS`` how often plane
and raw path take turns. The table is printed, and written with every pair to ``.runtime/bench/``.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from ratios import machine, plane_path, raw_path
from ratios.figures import Footprint, Pair, Report, Side
from ratios.plane_path import PlaneClient
from ratios.raw_path import RawClient

from jobforge.native import processes
from jobforge.testkit.backends import Backend, Plane, Server, start_backend
from jobforge.testkit.native_backend import NativeServer
from jobforge.testkit.processes import Services

RESULTS = Path(__file__).parents[2] / ".runtime" / "bench"
SERVICES = ("ingestion", "manifest", "echo")
CONCURRENCY = 50
SETTLE = 0.5
"""Seconds after a burst in which spans and commits that belong to it are still counted."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Both paths, connected, with the processes whose CPU each is charged with."""

    clients: list[PlaneClient]
    raw: RawClient
    plane_pids: Mapping[str, int]
    raw_pids: Mapping[str, int]


async def measure(plane: Plane, folder: Path, *, jobs: int, pairs: int) -> Report:
    """Start both paths, warm them up, let them take turns."""
    await plane.reset()
    await raw_path.make_topics(plane.kafka_bootstrap, partitions=plane.partitions)
    environment = plane.environment(artifacts=folder / "artifacts", traces=True)
    (folder / "artifacts").mkdir()
    report = Report(jobs, max(jobs // 8, 10), CONCURRENCY)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(Services(environment, logs=folder / "logs"))
        starts = {name: await _start(services, name) for name in SERVICES}
        ours = {name: services[name].pid for name in SERVICES}
        idle = machine.resident(ours)
        workers = raw_path.start_workers(plane.kafka_bootstrap, plane.redis_url, logs=folder / "logs")
        stack.callback(processes.stop, workers.values(), grace=1)
        raw = await stack.enter_async_context(
            raw_path.raw_client(plane.kafka_bootstrap, plane.redis_url, producers=CONCURRENCY)
        )
        doors = services["ingestion"].url, services["manifest"].url
        clients = [await PlaneClient.open(*doors) for _ in range(CONCURRENCY)]
        servers = _pids({"kafka": plane.kafka, "redis": plane.valkey, "jaeger": plane.servers.jaeger})
        client = {"client": os.getpid()}
        theirs = {name: running.pid for name, running in workers.items()}
        raw_servers = {name: pid for name, pid in servers.items() if name != "jaeger"}
        sides = Sides(clients, raw, ours | servers | client, theirs | raw_servers | client)
        await _turn(sides, jobs, report.one_by_one)  # warms everything up
        for number in range(pairs):
            report.pairs.append(await _turn(sides, jobs, report.one_by_one))
            print(f"pair {number + 1} of {pairs}", flush=True)
        after = machine.resident(ours)
        report.footprints.update({name: Footprint(starts[name], idle[name], after[name]) for name in SERVICES})
        await asyncio.gather(*(each.close() for each in clients))
    return report


async def _start(services: Services, name: str) -> float:
    """Start a service while no other starts; returns the seconds until it was ready."""
    service = services.add(name)
    service.begin()
    return await service.ready()


async def _turn(sides: Sides, jobs: int, alone: int) -> Pair:
    plane_alone = await plane_path.one_by_one(sides.clients[0], alone)
    raw_alone = await sides.raw.one_by_one(alone)
    before = machine.cpu(sides.plane_pids)
    plane_speed = await plane_path.burst(sides.clients, jobs)
    await asyncio.sleep(SETTLE)
    plane_cpu = machine.spent_a_job(before, machine.cpu(sides.plane_pids), jobs)
    before = machine.cpu(sides.raw_pids)
    raw_speed = await sides.raw.burst(jobs)
    await asyncio.sleep(SETTLE)
    raw_cpu = machine.spent_a_job(before, machine.cpu(sides.raw_pids), jobs)
    return Pair(Side.of(plane_alone, plane_speed, plane_cpu), Side.of(raw_alone, raw_speed, raw_cpu))


def _pids(servers: Mapping[str, Server]) -> dict[str, int]:
    """The servers that are processes of this machine; containers are not charged."""
    running = {name: server.running for name, server in servers.items() if isinstance(server, NativeServer)}
    return {name: found.pid for name, found in running.items() if found is not None}


def write(report: Report, folder: Path) -> None:
    """Leave the table and all pairs in files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.md").write_text(report.markdown(), encoding="utf-8")
    (folder / "bench.json").write_text(json.dumps(report.as_dict(), indent=1), encoding="utf-8")


def main() -> None:
    """Run the benchmark on servers of its own, and end them."""
    os.environ.setdefault("JOBFORGE_TEST_BACKEND", "native")
    jobs = max(int(os.environ.get("JOBS", "2000")) // CONCURRENCY, 1) * CONCURRENCY
    pairs = max(int(os.environ.get("PAIRS", "5")), 1)
    with tempfile.TemporaryDirectory(prefix="jobforge-bench-") as scratch:
        backend: Backend = start_backend(Path(scratch))
        try:
            report = uvloop.run(measure(Plane(backend), Path(scratch), jobs=jobs, pairs=pairs))
        finally:
            backend.close()
    write(report, RESULTS)
    print(report.markdown())


if __name__ == "__main__":
    main()
