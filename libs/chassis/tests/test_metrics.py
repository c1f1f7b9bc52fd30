"""Metrics: named by the rules, free of ids, and a lag that shows who held the loop."""

import asyncio
import time

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from jobforge.chassis import metrics

DECLARED = {name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)}
FEW_VALUES = {
    "template",
    "outcome",
    "topic",
    "group",
    "partition",
    "reason",
    "route",
    "method",
    "status",
    "error_type",
    "trigger",
}


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_metric_is_ours_explained_and_without_ids(name: str) -> None:
    """The prefix, a sentence, and labels with few values only: an id as a label would grow for ever."""
    metric = DECLARED[name]
    (family,) = metric.describe()
    assert family.name.startswith("jobforge_")
    assert family.documentation.endswith(".")
    assert set(metric._labelnames) <= FEW_VALUES
    if family.type == "histogram":
        assert family.name.endswith("_seconds")


def test_a_child_is_made_once() -> None:
    """The hot path asks a cache, and counts on the same child as ``labels`` does."""
    one = metrics.child(metrics.REJECTED, "test.reason")
    one.inc()
    assert metrics.child(metrics.REJECTED, "test.reason") is one
    assert REGISTRY.get_sample_value("jobforge_rejected_messages_total", {"reason": "test.reason"}) == 1


async def test_a_held_loop_shows_in_the_lag() -> None:
    """A block of 120 ms is seen as more than 50 ms."""

    def slow_samples() -> float:
        total = REGISTRY.get_sample_value("jobforge_event_loop_lag_seconds_count") or 0
        quick = REGISTRY.get_sample_value("jobforge_event_loop_lag_seconds_bucket", {"le": "0.05"}) or 0
        return total - quick

    before = slow_samples()
    watching = asyncio.create_task(metrics.watch_loop_lag())
    await asyncio.sleep(0)
    time.sleep(0.12)  # noqa: ASYNC251 - holding the loop is what is tested
    async with asyncio.timeout(5):
        while slow_samples() == before:  # noqa: ASYNC110 - the sampler tells nobody
            await asyncio.sleep(0.01)
    watching.cancel()
