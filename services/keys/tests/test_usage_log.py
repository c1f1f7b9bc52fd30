"""A job waits for what was accepted before it, and for nothing else."""

import pytest

from jobforge.keys.usage_log import behind


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
