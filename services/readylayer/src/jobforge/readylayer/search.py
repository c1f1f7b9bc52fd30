"""Finds the smallest file that is still good enough, over an encoder's quality setting."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

BEST_QUALITY = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """What one setting gave. ``quality`` is None for a lossless file."""

    quality: int | None
    data: bytes
    ssim: float

    def reaches(self, target: float) -> bool:
        """Whether the file is good enough."""
        return self.ssim >= target


def smallest(
    attempt: Callable[[int], Trial], *, target: float, guess: int, step: int = 4, look_around: bool = True
) -> list[Trial]:
    """Every trial that the search made; ``preferred`` picks among them.

    Walks from ``guess`` in doubling steps until one quality reaches the target and a lower one does not, halves the
    gap to one, then (``look_around``) tries the two qualities beside it, because neither size nor similarity is
    strictly monotone in quality. An encoder that misses the target at 100 is left after that trial.
    """
    tried: dict[int, Trial] = {}

    def reaches(quality: int) -> bool:
        if quality not in tried:
            tried[quality] = attempt(quality)
        return tried[quality].reaches(target)

    bounds = _bracket(reaches, guess, step)
    if bounds is not None:
        below, above = bounds
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (below, middle) if reaches(middle) else (middle, above)
        if look_around:
            for quality in (above + 1, below - 1):
                if 1 <= quality <= BEST_QUALITY:
                    reaches(quality)
    return list(tried.values())


def preferred(trials: Iterable[Trial], target: float) -> Trial:
    """The smallest file that reaches the target, else the most similar one."""
    found = list(trials)
    good = [trial for trial in found if trial.reaches(target)]
    if good:
        return min(good, key=lambda trial: len(trial.data))
    return max(found, key=lambda trial: trial.ssim)


def _bracket(reaches: Callable[[int], bool], guess: int, step: int) -> tuple[int, int] | None:
    """A quality that misses (0: none below) and a higher one that reaches; None when even the best one misses."""
    at = guess
    if reaches(at):
        above = at
        while above > 1:
            at = max(above - step, 1)
            if not reaches(at):
                return at, above
            above, step = at, step * 2
        return 0, above
    below = at
    while below < BEST_QUALITY:
        at = min(below + step, BEST_QUALITY)
        if reaches(at):
            return below, at
        below, step = at, step * 2
    return None
