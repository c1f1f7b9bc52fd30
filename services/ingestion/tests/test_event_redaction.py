"""Redaction: nothing that was marked personal is left in what is published."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobforge.ingestion.redaction import REDACTED, redact

MARKER = "marker-7f3a"
KEYS = st.text(alphabet="ab.*01", min_size=1, max_size=3)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
PAYLOADS = st.dictionaries(KEYS, TREES, max_size=4)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@given(PAYLOADS)
def test_without_hints_every_leaf_of_personal_data_is_replaced(payload: dict[str, Any]) -> None:
    """The shape stays, no value does."""
    redacted = redact(payload, contains_pii=True, hints=None)
    assert set(leaves(redacted)) <= {REDACTED}
    assert len(leaves(redacted)) == len(leaves(payload))


@given(PAYLOADS, st.lists(KEYS | st.integers(0, 2), min_size=1, max_size=5), st.data())
def test_a_planted_marker_never_survives_its_hint(
    payload: dict[str, Any], path: list[str | int], data: st.DataObject
) -> None:
    """Wherever it is planted, under whatever keys, a hint of that path (with any parts as ``*``) removes it."""
    planted: Any = {"deep": [MARKER]} if data.draw(st.booleans()) else MARKER
    for part in reversed(path[1:]):
        planted = [None] * part + [planted] if isinstance(part, int) else {part: planted}
    document = {**payload, str(path[0]): planted}
    starred = [data.draw(st.booleans()) for _ in path]
    hint = ".".join("*" if star else str(part) for part, star in zip(path, starred, strict=True))
    redacted = redact(document, contains_pii=True, hints=[hint])
    assert MARKER not in json.dumps(redacted)


@given(PAYLOADS, st.lists(KEYS, max_size=3))
def test_the_payload_given_stays_as_it_is(payload: dict[str, Any], hints: list[str]) -> None:
    """Values are never changed in place."""
    before = json.dumps(payload)
    redact(payload, contains_pii=True, hints=hints)
    assert json.dumps(payload) == before


def test_a_hint_of_stars_in_a_payload_of_dotted_stars_is_done_at_once() -> None:
    """Each level could be named in two ways, and all were followed: 2^24 of them, while the service stood still."""
    payload: dict[str, Any] = {"*.*": MARKER}
    for _ in range(24):
        payload = {"*.*": payload}
    assert redact(payload, contains_pii=True, hints=[".".join("*" * 60)]) == payload


def test_hints_leave_the_rest_alone() -> None:
    """Only what is named goes; a hint that names nothing changes nothing."""
    payload = {"a": {"b": 1, "c": 2}, "list": [{"x": 1}, {"x": 2, "y": 3}], "a.b": 5, "n": None}
    hints = ["a.b", "list.*.x", "list.1.y", "nothing.here", "n.deeper", "..", "list.x"]
    assert redact(payload, contains_pii=True, hints=hints) == {
        "a": {"b": REDACTED, "c": 2},
        "list": [{"x": REDACTED}, {"x": REDACTED, "y": REDACTED}],
        "a.b": REDACTED,
        "n": None,
    }


def test_a_payload_without_personal_data_is_published_as_it_is() -> None:
    """Neither marked nor hinted: nothing to do. Hints alone are enough to redact."""
    assert redact({"a": 1}, contains_pii=False, hints=None) == {"a": 1}
    assert redact({"a": 1, "b": 2}, contains_pii=False, hints=["a"]) == {"a": REDACTED, "b": 2}
