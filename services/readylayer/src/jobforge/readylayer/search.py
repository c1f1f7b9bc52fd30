"""Finds the smallest file that is still good enough, over an encoder's quality setting."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BEST_QUALITY = 100
SLOPE = 0.0012
"""By how much one more quality usually makes a photograph more similar, near an SSIM of 0.95."""


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
    attempt: Callable[[int], Trial],
    *,
    target: float,
    guess: int,
    slope: float = SLOPE,
    look_around: bool = True,
) -> list[Trial]:
    """Every trial that the search made; ``preferred`` picks among them.

    Goes where the similarities so far say that the target lies, until one quality reaches it and the one below does
    not. Then (``look_around``) tries the two qualities beside these, because neither size nor similarity is strictly
    monotone in quality. An encoder that misses the target at 100 is left after that trial.
    """
    tried: dict[int, Trial] = {}
    below, above = 0, BEST_QUALITY + 1
    at, gaps = guess, [BEST_QUALITY]
    while above - below > 1:
        tried[at] = attempt(at)
        below, above = (below, at) if tried[at].reaches(target) else (at, above)
        gaps.append(above - below)
        if below not in tried or above not in tried:
            at = _beyond(list(tried.items()), target, slope)
        elif len(gaps) > 3 and gaps[-1] > gaps[-3] / 2:
            at = (below + above) // 2  # lines lead nowhere: similarity jumps
        else:
            rise = tried[above].ssim - tried[below].ssim
            at = below + math.ceil((above - below) * (target - tried[below].ssim) / rise)
        at = min(max(at, below + 1), above - 1)
    if look_around and above in tried:
        for quality in {above + 1, below - 1} & set(range(1, BEST_QUALITY + 1)) - tried.keys():
            tried[quality] = attempt(quality)
    return list(tried.values())


def preferred(trials: Iterable[Trial], target: float) -> Trial:
    """The smallest file that reaches the target, else the most similar one."""
    found = list(trials)
    good = [trial for trial in found if trial.reaches(target)]
    if good:
        return min(good, key=lambda trial: len(trial.data))
    return max(found, key=lambda trial: trial.ssim)


def slope_at(trials: Iterable[Trial], target: float) -> float:
    """How much more similar one more quality makes a picture, by the two trials nearest to the target."""
    by_quality = {trial.quality: trial for trial in trials if trial.quality is not None}
    near = sorted(by_quality.items(), key=lambda tried: abs(tried[1].ssim - target))[:2]
    if len(near) < 2 or near[0][1].ssim == near[1][1].ssim:
        return SLOPE
    return float(abs(near[0][1].ssim - near[1][1].ssim) / abs(near[0][0] - near[1][0]))


def _beyond(tried: list[tuple[int, Trial]], target: float, slope: float) -> int:
    """A quality on the target's other side, as a line through the last two trials says; each step doubles at least."""
    at, last = tried[-1]
    if len(tried) > 1 and last.ssim != tried[-2][1].ssim:
        slope = abs((last.ssim - tried[-2][1].ssim) / (at - tried[-2][0]))
    step = max(math.ceil(abs(target - last.ssim) / slope), 1 << len({trial.ssim for _, trial in tried}) - 1)
    return at - step if last.reaches(target) else at + step
