"""What the machine is, and what processes take of it: CPU time and memory, by name."""

import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Self

import psutil

from jobforge.native import jaeger, kafka

MIB = 1024 * 1024


def described() -> dict[str, str]:
    """What a reader must know to judge the figures."""
    return {
        "Measured": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / MIB / 1024:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "Kafka": kafka.version(),
        "Jaeger": jaeger.version(),
    }


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds until a moment: of each process with its children, and of the whole machine."""

    at: float
    cpu: Mapping[str, float]
    machine: float

    def a_job(self, before: Self, jobs: int) -> dict[str, float]:
        """Microseconds a job of each process since an earlier reading."""
        return {name: (spent - before.cpu[name]) / jobs * 1e6 for name, spent in self.cpu.items()}

    def others(self, before: Self) -> float:
        """How many cores everything else kept busy since an earlier reading."""
        ours = sum(self.cpu.values()) - sum(before.cpu.values())
        return max(0.0, self.machine - before.machine - ours) / (self.at - before.at)


def read(pids: Mapping[str, int]) -> Reading:
    """What was spent until now."""
    spent = {}
    for name, pid in pids.items():
        times = [process.cpu_times() for process in _family(pid)]
        spent[name] = sum(each.user + each.system + each.children_user + each.children_system for each in times)
    whole = psutil.cpu_times()
    return Reading(perf_counter(), spent, whole.user + whole.nice + whole.system)


def peaks(pids: Mapping[str, int]) -> dict[str, float]:
    """The most memory in MiB that each process, and its children, ever had resident."""
    return {name: sum(_peak(process) for process in _family(pid)) / MIB for name, pid in pids.items()}


def _family(pid: int) -> Iterator[psutil.Process]:
    process = psutil.Process(pid)
    yield process
    if pid != os.getpid():  # the benchmark's own children are the processes it measures
        yield from process.children(recursive=True)


def _peak(process: psutil.Process) -> float:
    """The kernel's own high-water mark; where there is none, what is resident now."""
    status = Path(f"/proc/{process.pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found.group(1)) * 1024 if found else float(process.memory_info().rss)
