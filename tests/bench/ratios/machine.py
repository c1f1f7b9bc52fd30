"""What processes take of the machine: CPU time and resident memory, by name."""

from collections.abc import Mapping

import psutil

Seconds = dict[str, float]


def cpu(pids: Mapping[str, int]) -> Seconds:
    """User and system CPU seconds of each process since its start."""
    spent = {}
    for name, pid in pids.items():
        times = psutil.Process(pid).cpu_times()
        spent[name] = times.user + times.system
    return spent


def spent_a_job(before: Seconds, after: Seconds, jobs: int) -> dict[str, float]:
    """Microseconds a job of each process between two readings."""
    return {name: (after[name] - before[name]) / jobs * 1e6 for name in before}


def resident(pids: Mapping[str, int]) -> dict[str, float]:
    """Resident memory of each process in MB."""
    return {name: psutil.Process(pid).memory_info().rss / 1e6 for name, pid in pids.items()}
