"""Figures of a measurement beside their targets, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table; without a ``target`` it is only told."""

    name: str
    target: str
    measured: str
    met: bool = True


def below(name: str, measured: float, target: float) -> Figure:
    """A figure that must stay below its target."""
    return Figure(name, f"below {target:g}", f"{measured:.1f}", measured < target)


def at_least(name: str, measured: float, target: float) -> Figure:
    """A share that must reach its target."""
    return Figure(name, f"at least {target:.2f}", f"{measured:.3f}", measured >= target)


def table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    lines = ["| figure | target | measured | |", "|---|---|---|---|"]
    for each in figures:
        verdict = "" if not each.target else "met" if each.met else "**missed**"
        lines.append(f"| {each.name} | {each.target} | {each.measured} | {verdict} |")
    return "\n".join(lines)
