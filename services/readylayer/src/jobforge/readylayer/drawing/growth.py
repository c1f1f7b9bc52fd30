"""How many elements a drawing has once all that it refers to is drawn: a few lines can stand for billions."""

import re
from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter

from jobforge.readylayer.errors import TooLarge, Unreadable

MAX_ELEMENTS = 200_000
MAX_DRAWN = 1_000_000
MAX_DEPTH = 200
_TARGETS = re.compile(r"url\(\s*[\"']?\s*#([^\"')]+)", re.IGNORECASE)
_COPIES = frozenset({"use", "pattern", "feImage", "linearGradient", "radialGradient"})
_WHOLE = ""


class Growth:
    """Told of each element as it opens and closes; raises ``TooLarge`` as soon as there are too many."""

    def __init__(self) -> None:
        self._open: list[str | None] = []
        self._own: Counter[str] = Counter()
        self._copies: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        """An element and its attributes."""
        self._open.append(attributes.get("id"))
        within = {_WHOLE, *filter(None, self._open)}
        if len(self._open) > MAX_DEPTH:
            raise TooLarge(f"the drawing nests more than {MAX_DEPTH} elements; flatten its groups")
        copied = [target for value in attributes.values() for target in _TARGETS.findall(value)]
        if name in _COPIES:
            copied += [attributes[href][1:] for href in ("href", "xlink:href") if href in attributes]
        for owner in within:
            self._own[owner] += 1
            self._copies[owner].update(copied)
        if self._own[_WHOLE] > MAX_ELEMENTS:
            raise TooLarge(f"the drawing has more than {MAX_ELEMENTS} elements; simplify it")

    def closed(self) -> None:
        """The element that was opened last."""
        self._open.pop()

    def check(self) -> None:
        """Raises ``TooLarge`` for a drawing that grows beyond ``MAX_DRAWN``, ``Unreadable`` for one that has no end."""
        graph = {owner: set(copied) for owner, copied in self._copies.items()}
        drawn: dict[str, int] = {}
        try:
            for owner in TopologicalSorter(graph).static_order():
                copied = self._copies.get(owner, Counter())
                drawn[owner] = self._own[owner] + sum(drawn[target] * times for target, times in copied.items())
        except CycleError:
            raise Unreadable("the drawing has an element that contains a copy of itself; remove the circle") from None
        if drawn.get(_WHOLE, 0) > MAX_DRAWN:
            raise TooLarge(f"the drawing repeats itself to more than {MAX_DRAWN} elements; simplify it")
