"""The chart is a picture of the numbers, and holds nothing that could run."""

from xml.etree import ElementTree

import pytest

from jobforge.keys.chart import amount, usage_chart

SVG = "{http://www.w3.org/2000/svg}"


def bars(chart: str) -> list[str]:
    """The outlines of both panels' bars."""
    root = ElementTree.fromstring(chart)
    return [path.attrib["d"] for path in root.iter(f"{SVG}path") if "fill" in path.attrib]


def test_the_largest_bucket_is_the_tallest_and_empty_ones_have_no_bar() -> None:
    """One bar for each bucket with usage, in both panels."""
    upper, lower = bars(usage_chart("t", ["a", "b", "c"], [2, 0, 4], [0, 0, 9]))
    assert upper.count("M") == 2
    assert "v-75.00" in upper
    assert "v-150.00" in upper
    assert lower.count("M") == 1


def test_a_chart_without_usage_is_a_chart() -> None:
    """With nothing in it."""
    assert bars(usage_chart("t", ["a"], [0], [0])) == ["", ""]


def test_a_title_is_text_and_never_markup() -> None:
    """Whatever it says."""
    chart = usage_chart("<script>alert(1)</script>&", ["2026-11-23T00:00:00+00:00"], [1], [1])
    root = ElementTree.fromstring(chart)
    assert [each for each in root.iter() if each.tag.endswith("script")] == []


@pytest.mark.parametrize(
    ("number", "base", "said"), [(0, 1000, "0"), (999, 1000, "999"), (1500, 1000, "1.5 k"), (1010, 1024, "1010")]
)
def test_amounts_are_short(number: int, base: int, said: str) -> None:
    """Three digits, or four where the unit is binary."""
    assert amount(number, base, ("", " k", " M")) == said
