"""A trace that was read back counts as whole only when nothing of it is missing."""

from ratios.traces import JOB_SPANS, whole


def trace() -> list[dict[str, str]]:
    """Every span of a job, each below the one before."""
    spans = [
        {"name": name, "spanId": str(number), "parentSpanId": str(number - 1)} for number, name in enumerate(JOB_SPANS)
    ]
    del spans[0]["parentSpanId"]
    return spans


def test_a_trace_with_every_span_of_a_job_is_whole() -> None:
    """In whatever order Jaeger answers them."""
    assert whole(trace()[::-1])


def test_a_trace_without_one_of_its_spans_is_not_whole() -> None:
    """Not even without the last one, whose absence orphans nobody."""
    assert not whole(trace()[:-1])
    assert not whole(trace()[1:])


def test_a_trace_with_an_orphan_is_not_whole() -> None:
    """All names are there, and one of them hangs nowhere."""
    spans = trace()
    spans[3]["parentSpanId"] = "elsewhere"
    assert not whole(spans)
