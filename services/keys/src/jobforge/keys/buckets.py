"""Cuts a period into hours, days or months as the clocks of its time zone show them."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from jobforge.keys.errors import GranularityUnknown
from jobforge.keys.periods import Period, first_instant, next_month, offset, transition

HOUR = timedelta(hours=1)


def edges(period: Period, granularity: str) -> tuple[datetime, ...]:
    """Where buckets begin, in UTC, and at last where the period ends; raises ``GranularityUnknown``.

    A day in which clocks are changed has 23 or 25 hours. An hour ends with the clock's full hour and wherever the
    clock is changed. The first and last bucket are shorter where the period cuts them.
    """
    cut = _CUTS.get(granularity)
    if cut is None:
        raise GranularityUnknown(f"granularity {granularity!r:.40} is unknown: give one of {', '.join(_CUTS)}")
    inner = {edge for edge in cut(period) if period.start < edge < period.end}
    return (period.start, *sorted(inner), period.end)


def labels(edges: tuple[datetime, ...], period: Period) -> tuple[str, ...]:
    """The start of each bucket in the period's zone, with its offset, so that repeated hours differ."""
    return tuple(edge.astimezone(period.zone).isoformat(timespec="seconds") for edge in edges[:-1])


def _hours(period: Period) -> Iterator[datetime]:
    edge = period.start
    while edge < period.end:
        local = edge.astimezone(period.zone)
        after = edge + HOUR - timedelta(minutes=local.minute, seconds=local.second)
        changed = offset(edge, period.zone) != offset(after, period.zone)
        edge = transition(edge, after, period.zone) if changed else after
        yield edge


def _days(period: Period) -> Iterator[datetime]:
    day = period.start.astimezone(period.zone).date()
    while (edge := first_instant(day, period.zone)) < period.end:
        yield edge
        day += timedelta(days=1)


def _months(period: Period) -> Iterator[datetime]:
    month = period.start.astimezone(period.zone).date().replace(day=1)
    while (edge := first_instant(month, period.zone)) < period.end:
        yield edge
        month = next_month(month)


_CUTS: dict[str, Callable[[Period], Iterator[datetime]]] = {"hourly": _hours, "daily": _days, "monthly": _months}
GRANULARITIES = tuple(_CUTS)
