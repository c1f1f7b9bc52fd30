"""The search promises the smallest file that is good enough, with few trials."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.readylayer.search import Trial, preferred, smallest


def trial(quality: int, ssim: float, size: int | None = None) -> Trial:
    return Trial(quality, b"x" * (quality if size is None else size), ssim)


@given(threshold=st.integers(1, 100), guess=st.integers(1, 100))
def test_the_lowest_sufficient_quality_is_found_wherever_it_lies(threshold: int, guess: int) -> None:
    """For an encoder that is monotone the answer is exact, from any guess, and even where similarity jumps."""
    trials = smallest(lambda quality: trial(quality, 0.96 if quality >= threshold else 0.9), target=0.95, guess=guess)
    assert preferred(trials, 0.95).quality == threshold
    assert len(trials) <= 18


@given(steepness=st.floats(0.03, 0.1), middle=st.floats(5, 30), guess=st.integers(40, 90))
def test_a_smooth_encoder_is_found_out_in_few_trials(steepness: float, middle: float, guess: int) -> None:
    """Lines through the trials lead to the target."""

    def attempt(quality: int) -> Trial:
        return trial(quality, 1 / (1 + math.exp(-steepness * (quality - middle))))

    trials = smallest(attempt, target=0.95, guess=guess, look_around=False)
    lowest = min((q for q in range(1, 101) if attempt(q).reaches(0.95)), default=100)
    assert preferred(trials, 0.95).quality == lowest
    assert len(trials) <= 13


def test_a_good_guess_costs_few_trials() -> None:
    """Four, and the two neighbours."""
    trials = smallest(lambda quality: trial(quality, quality / 100), target=0.70, guess=72)
    assert preferred(trials, 0.70).quality == 70
    assert len(trials) <= 6


def test_no_quality_is_tried_twice() -> None:
    """Encoding is what costs, so the search remembers."""
    tried: list[int] = []

    def attempt(quality: int) -> Trial:
        tried.append(quality)
        return trial(quality, quality / 100)

    smallest(attempt, target=0.33, guess=90)
    assert len(tried) == len(set(tried))


def test_a_smaller_file_of_a_higher_quality_is_preferred() -> None:
    """Size need not grow with quality: a neighbour that is smaller and good enough wins."""
    sizes = {50: 400, 51: 380}
    trials = smallest(
        lambda quality: trial(quality, quality / 50 * 0.95, sizes.get(quality, 500)), target=0.95, guess=50
    )
    assert preferred(trials, 0.95).quality == 51


def test_a_target_out_of_reach_gives_the_most_similar_file() -> None:
    """When even quality 100 misses, the best there is remains."""
    trials = smallest(lambda quality: trial(quality, quality / 200), target=0.95, guess=70)
    best = preferred(trials, 0.95)
    assert (best.quality, best.reaches(0.95)) == (100, False)


@pytest.mark.parametrize("guess", [1, 2, 50, 100])
def test_an_encoder_that_always_reaches_ends_at_quality_one(guess: int) -> None:
    """A plain picture needs no quality at all."""
    assert preferred(smallest(lambda q: trial(q, 1.0), target=0.95, guess=guess), 0.95).quality == 1
