"""Following runs to their end, with progress on the terminal."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from jobforge.cli.setting import aside
from jobforge.contracts.jobs import Job

_WORDS = {"queued": "waits for a worker", "running": "running", "retrying": "will be tried again"}


class Follower(AbstractContextManager["Follower"]):
    """A bar for each run that is followed."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.fields[template]}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            console=aside(),
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> "Follower":
        self._progress.start()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._progress.stop()

    def show(self, job: Job) -> None:
        """Brings the bar of a run up to its state."""
        bar = self._bars.get(str(job.id))
        if bar is None:
            template = escape(job.template_key or str(job.id))
            bar = self._progress.add_task("", total=1.0, template=template, words="")
            self._bars[str(job.id)] = bar
        fraction = 1.0 if job.is_terminal else (job.progress.fraction if job.progress else 0.0)
        self._progress.update(bar, completed=fraction, words=_words(job))
        if job.is_terminal:
            self._progress.stop_task(bar)


def follow(states: Iterable[Job]) -> Job | None:
    """Shows each state as it comes; the last one."""
    last = None
    with Follower() as follower:
        for last in states:
            follower.show(last)
    return last


def _words(job: Job) -> str:
    if job.status == "succeeded":
        return "[green]succeeded[/]"
    if job.status == "canceled":
        return "[yellow]canceled[/]"
    if job.error is not None and job.status == "failed":
        return f"[red]failed: {escape(job.error.code)}[/]"
    message = job.progress.message if job.progress and job.progress.message else _WORDS.get(job.status, job.status)
    return escape(message)
