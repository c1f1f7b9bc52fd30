"""Draws usage over time as an SVG picture: requests above, bytes below, a bar for each bucket."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 960, 440
_LEFT, _RIGHT, _TOP, _PANEL, _GAP = 84, 16, 48, 150, 44
_TICKS = 6
_PLAIN = ("", " k", " M", " G", " T", " P")
_BINARY = (" B", " KiB", " MiB", " GiB", " TiB", " PiB")


def usage_chart(title: str, labels: Sequence[str], requests: Sequence[int], transferred: Sequence[int]) -> str:
    """The picture; ``labels`` say when each bucket begins."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" font-family="system-ui, sans-serif" font-size="12" fill="#334155">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" font-size="16" font-weight="600">{escape(title)}</text>',
        *_panel("requests", _TOP, requests, "#2563eb", 1000, _PLAIN),
        *_panel("bytes", _TOP + _PANEL + _GAP, transferred, "#059669", 1024, _BINARY),
        *_times(labels),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def amount(number: float, base: int, units: Sequence[str]) -> str:
    """A number in the largest unit that keeps it at 1 or above, with three digits at most."""
    power = 0
    while number >= base and power < len(units) - 1:
        number /= base
        power += 1
    return f"{number:.3g}{units[power]}" if number < 1000 else f"{number:.0f}{units[power]}"


def _panel(name: str, top: int, values: Sequence[int], colour: str, base: int, units: Sequence[str]) -> list[str]:
    most, floor = max(values, default=0), top + _PANEL
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    bar = step * 0.8 if step > 3 else step
    bars = [
        f"M{_LEFT + number * step + (step - bar) / 2:.2f} {floor}v-{value / most * _PANEL:.2f}h{bar:.2f}V{floor}z"
        for number, value in enumerate(values)
        if value
    ]
    lines = [f'<text x="{_LEFT}" y="{top - 6}" fill="{colour}">{name} in each bucket</text>']
    for share in (0.0, 0.5, 1.0) if most else (0.0,):
        y = floor - share * _PANEL
        lines.append(f'<path d="M{_LEFT} {y}H{WIDTH - _RIGHT}" stroke="#e2e8f0"/>')
        said = amount(most * share, base, units)
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{said}</text>')
    lines.append(f'<path d="{"".join(bars)}" fill="{colour}"/>')
    return lines


def _times(labels: Sequence[str]) -> list[str]:
    """When some buckets begin, without the offset: the title names the zone."""
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    every = max(1, -(-len(labels) // _TICKS))
    return [
        f'<text x="{_LEFT + number * step:.2f}" y="{_TOP + 2 * _PANEL + _GAP + 20}">'
        f"{escape(labels[number][:16].replace('T', ' '))}</text>"
        for number in range(0, len(labels), every)
    ]
