"""Measures the history checker: seconds and memory for a history of a million records.

usage: uv run python tests/measure/check_a_million.py [--runs 250000] [--partitions 8] [--reads 0] [--tampered 0]

Writes a history (four records a run: request, start, end, manifest) into a temporary file, then checks it in a process
of its own, as fast as it can be read. ``--reads`` adds a client log with so many reads a run. ``--tampered`` spoils
that many manifests; exactly these must be found. No Kafka is involved: reading from it comes on top.
"""

import argparse
import asyncio
import multiprocessing
import pickle
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from jobforge.contracts.identity import partition_of, run_id_for_key, run_key
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest, Timings
from jobforge.ledger.checker import Scope, check
from jobforge.ledger.client_log import ClientLog
from jobforge.ledger.evidence import Evidence
from jobforge.ledger.records import Bounds, Record
from jobforge.testkit.run_records import after, requested, started, succeeded

TOPICS = ("jobforge.jobs.echo", "jobforge.runs", "jobforge.manifests")
BATCH = 2_000


class FileHistory:
    """A ``History`` in a folder: one file a topic-partition, read in batches."""

    def __init__(self, folder: Path, counts: Mapping[tuple[str, int], int]) -> None:
        self._folder = folder
        self._counts = counts

    async def bounds(self) -> Bounds:
        """Everything is committed: each request must have its end."""
        groups = {"jobforge.jobs.echo": "jobs-echo", "jobforge.runs": "manifest"}
        commits = {(groups[topic], topic, n): count for (topic, n), count in self._counts.items() if topic in groups}
        return Bounds({at: (0, count) for at, count in self._counts.items()}, commits)

    async def read(self, wanted: Mapping[tuple[str, int], tuple[int, int]]) -> AsyncIterator[Sequence[Record]]:
        """Batch by batch."""
        for topic, number in wanted:
            with (self._folder / f"{topic}-{number}").open("rb") as file:
                while True:
                    try:
                        batch = pickle.load(file)
                    except EOFError:
                        break
                    yield [Record(topic, number, offset, key, value) for offset, key, value in batch]


def manifest_of(tenant: str, run_id: UUID, number: int) -> RunManifest:
    """What the view publishes about the run."""
    return RunManifest(
        run_id=run_id,
        tenant_id=tenant,
        status="complete",
        inputs={"message": "hello"},
        outputs={"reply": f"hello {number}"},
        timings=Timings(finished_at=after(3)),
    ).sealed()


def write(folder: Path, *, runs: int, partitions: int, reads: int, tampered: int) -> dict[tuple[str, int], int]:
    """The history, and how many records each topic-partition holds."""
    files = {(topic, n): (folder / f"{topic}-{n}").open("wb") for topic in TOPICS for n in range(partitions)}
    batches: dict[tuple[str, int], list[tuple[int, bytes, bytes]]] = {at: [] for at in files}
    counts = dict.fromkeys(files, 0)
    log = ClientLog(folder / "client.ndjson", client="c") if reads else None
    for number in range(runs):
        tenant = f"tenant-{number % 20}"
        run_id = run_id_for_key(tenant, "echo.message.reply", f"k{number}")
        manifest = manifest_of(tenant, run_id, number).to_bytes()
        if number < tampered:
            manifest = manifest.replace(b'"hello"', b'"hallo"')
        key = run_key(tenant, run_id)
        partition = partition_of(key, partitions)
        end = succeeded(run_id, tenant, outputs={"reply": f"hello {number}"})
        for topic, value in (
            (TOPICS[0], requested(run_id, tenant).to_bytes()),
            (TOPICS[1], started(run_id, tenant).to_bytes()),
            (TOPICS[1], end.to_bytes()),
            (TOPICS[2], manifest),
        ):
            at = (topic, partition)
            batches[at].append((counts[at], key, value))
            counts[at] += 1
            if len(batches[at]) == BATCH:
                pickle.dump(batches[at], files[at])
                batches[at].clear()
        if log is not None:
            log.request(tenant, "echo.message.reply", f"k{number}", {"message": "hello"}).ok(run_id)
            for _ in range(reads):
                log.reading(tenant, run_id).job(
                    Job(id=run_id, tenant_id=tenant, template_key="echo.message.reply", status="succeeded", attempt=1)
                )
    for at, file in files.items():
        pickle.dump(batches[at], file)
        file.close()
    return counts


def measured(folder: Path, counts: Mapping[tuple[str, int], int], found: "multiprocessing.SimpleQueue[str]") -> None:
    """Check the history in this process, and say what it took."""
    before, began, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), time.process_time()
    evidence = Evidence()
    client_log = folder / "client.ndjson"
    evidence.load(client_log=client_log if client_log.exists() else None)
    report = asyncio.run(check(FileHistory(folder, counts), evidence, scope=Scope(settled=True)))
    took, cpu, peak = (
        time.perf_counter() - began,
        time.process_time() - spent,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )
    lines = _told(report.records, took, cpu, before / 1024, peak / 1024)
    wrong = dict(report.found)
    found.put("\n".join([*lines, f"found: {wrong or 'nothing'}; looked at: {dict(report.looked)}"]))


def _told(records: int, took: float, cpu: float, before: float, peak: float) -> Iterator[str]:
    yield f"{records:,} records in {took:.1f} s, {cpu:.1f} s of CPU"
    yield f"peak memory {peak:.0f} MiB, {before:.0f} MiB of it before the first record"


def main() -> int:
    """Write, check, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("runs", 250_000), ("partitions", 8), ("reads", 0), ("tampered", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"writing a history of {given.runs:,} runs", file=sys.stderr)
        counts = write(folder, **vars(given))
        context = multiprocessing.get_context("spawn")
        found: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
        process = context.Process(target=measured, args=(folder, counts, found))
        process.start()
        print(found.get())
        process.join()
    return process.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())
