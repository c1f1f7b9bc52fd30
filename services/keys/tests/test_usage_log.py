"""A job waits for what was accepted before it, and for nothing else."""

import pytest

from jobforge.keys.errors import UsageLogUnavailable
from jobforge.keys.usage_log import UsageLog, behind


@pytest.mark.parametrize(
    ("bounds", "committed", "missing"),
    [
        ({}, {}, 0),
        ({0: (0, 0)}, {}, 0),
        ({0: (0, 5), 1: (0, 3)}, {0: 5, 1: 3}, 0),
        ({0: (0, 5), 1: (0, 3)}, {0: 4, 1: 3}, 1),
        ({0: (0, 5)}, {}, 5),
        ({0: (0, 5)}, {0: 9}, 0),
        ({0: (7, 7)}, {0: 2}, 0),
        ({0: (7, 9)}, {0: 2}, 2),
    ],
)
def test_missing_is_what_the_log_holds_and_no_commit_covers(
    bounds: dict[int, tuple[int, int]], committed: dict[int, int], missing: int
) -> None:
    """What retention deleted is waited for by nobody, nor what comes later."""
    assert behind(bounds, committed) == missing


async def test_a_kafka_that_does_not_answer_is_named_and_tried_again() -> None:
    """Nothing is added up that might lack something."""
    with pytest.raises(UsageLogUnavailable, match="see whether it runs") as failed:
        await UsageLog("127.0.0.1:1").stored()
    assert failed.value.retryable
