"""Canonical JSON is RFC 8785, and a digest means the same bytes to everybody."""

import hashlib
import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.canonical import canonical_json, digest

EXACT = 2**53 - 1
# A whole float beyond 2^53 is written without a point, and Python reads it back as an integer that has no such form.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | st.floats(-EXACT, EXACT) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {
                "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
                "literals": [None, True, False],
            },
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
        ),
        ([-0.0, 0.0, 1.0, 1e21, 1e20, 123456789012345680.0], "[0,0,1,1e+21,100000000000000000000,123456789012345680]"),
        ([5e-324, -5e-324, 1.7976931348623157e308], "[5e-324,-5e-324,1.7976931348623157e+308]"),
    ],
    ids=["section 3.2.2", "sorted by UTF-16", "integers", "extremes"],
)
def test_canonical_json_gives_the_vectors_of_rfc_8785(value: Any, text: str) -> None:
    """Section 3.2.2, 3.2.3 and appendix B of the RFC."""
    assert canonical_json(value) == text.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), {"a": [2**60]}, b"x", {1: 2}, {1}])
def test_what_json_cannot_carry_exactly_is_refused(value: Any) -> None:
    """NaN, infinities, integers beyond 2^53 and other types have no canonical form."""
    with pytest.raises(ValueError, match=r".*"):
        canonical_json(value)


@given(JSON)
def test_canonical_json_is_json_of_the_same_value(value: Any) -> None:
    """Nothing is lost, and canonicalising twice changes nothing."""
    once = canonical_json(value)
    assert json.loads(once) == value
    assert canonical_json(json.loads(once)) == once


@given(st.dictionaries(st.text(max_size=6), st.integers(-100, 100), min_size=2, max_size=6))
def test_the_order_of_keys_does_not_change_a_digest(value: dict[str, int]) -> None:
    """Equal objects are equal bytes."""
    assert digest(value) == digest(dict(reversed(value.items())))


def test_a_digest_is_sha256_of_the_canonical_bytes() -> None:
    """Anybody can compute it with two standard tools."""
    assert digest({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.floats(-1e-3, 1e-3)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_the_fast_way_writes_what_the_reference_writes(value: Any) -> None:
    """Byte for byte, whatever the value: the short cut is never another form."""
    assert canonical_json(value) == rfc8785.dumps(value)
