"""Deterministic names: whoever computes them, and whenever, gets the same."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from jobforge.contracts import identity

PARTS = st.text(max_size=12)
GOLDEN_KEY = "132c889c-214b-8a65-a88e-bdd3acd8695f"
GOLDEN_RECORD = "464d31ab-37b1-8b15-a49a-16c484ddedb9"
GOLDEN_EVENT = "63cde45c-416b-82a9-b41e-20e6072e41c5"
GOLDEN_TRACE = "289e1ba3db2292a39025cd75e39523c6"
GOLDEN_ROOT = "e0ce61fcfd3a5d2f"


@given(st.binary(max_size=64), st.integers(1, 1000))
def test_a_key_lives_where_kafkas_clients_put_it(key: bytes, partitions: int) -> None:
    """Our partition is the one that aiokafka's (and Java's) default partitioner chooses."""
    assert identity.partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_values_of_kafkas_own_test(key: bytes, hashed: int) -> None:
    """The values of ``UtilsTest.testMurmur2`` in Apache Kafka."""
    assert identity.partition_of(key, 2**31) == hashed & 0x7FFFFFFF


@given(PARTS, PARTS, PARTS, PARTS, PARTS, PARTS)
def test_different_names_never_share_a_run(a: str, b: str, c: str, d: str, e: str, f: str) -> None:
    """Parts are separated by their lengths: ("a", "bc") is not ("ab", "c")."""
    assert (identity.run_id_for_key(a, b, c) == identity.run_id_for_key(d, e, f)) == ((a, b, c) == (d, e, f))


@given(st.text(max_size=10), st.text(max_size=10), st.integers(0, 10))
def test_moving_a_letter_to_the_next_part_makes_another_run(tenant: str, key: str, cut: int) -> None:
    """The same letters cut elsewhere are another name."""
    joined = tenant + key
    other_tenant, other_key = joined[:cut], joined[cut:]
    same = identity.run_id_for_key(tenant, "t", key) == identity.run_id_for_key(other_tenant, "t", other_key)
    assert same == ((tenant, key) == (other_tenant, other_key))


def test_ids_are_the_same_for_ever() -> None:
    """Golden values: a change here would lose every idempotency key and every trace."""
    assert identity.run_id_for_key("acme", "settler.contract.process", "k-1") == UUID(GOLDEN_KEY)
    assert identity.run_id_for_record("cluster", "jobforge.inbox.settler", 3, 17) == UUID(GOLDEN_RECORD)
    assert identity.event_id_for_record("cluster", "jobforge.inbox.settler", 3, 17) == UUID(GOLDEN_EVENT)
    assert f"{identity.otel_trace_id('trace_1763938000001_k3x9q2m7a'):032x}" == GOLDEN_TRACE
    assert f"{identity.otel_root_span_id('trace_1763938000001_k3x9q2m7a'):016x}" == GOLDEN_ROOT


def test_a_derived_id_is_a_uuid_of_our_own_making() -> None:
    """RFC 9562 version 8, so that nobody reads a time or a random part into it."""
    made = identity.run_id_for_key("a", "b", "c")
    assert made.version == 8
    assert made.variant == "specified in RFC 4122"


def test_a_record_names_a_run_and_an_event_apart() -> None:
    """One inbox position never gives an event and a run the same id."""
    at = ("cluster", "jobforge.inbox.aias", 0, 0)
    assert identity.run_id_for_record(*at) != identity.event_id_for_record(*at)


@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z"), st.uuids())
def test_a_run_key_is_read_back(tenant: str, run_id: UUID) -> None:
    """The key alone says whose run it is, even when the record's value cannot be read."""
    assert identity.parse_run_key(identity.run_key(tenant, run_id)) == (tenant, run_id)


@given(st.none() | st.binary(max_size=60))
def test_any_other_key_names_no_run(key: bytes | None) -> None:
    """A stranger's key is None, never an exception."""
    named = identity.parse_run_key(key)
    assert named is None or identity.run_key(*named) == key


@pytest.mark.parametrize("key", ["a b:{}", "acme:urn:uuid:{}", "acme:{{{}}}", ":{}", "caf\u00e9:{}", "acme\n:{}"])
def test_a_key_of_no_possible_tenant_or_an_id_spelled_otherwise_names_no_run(key: str) -> None:
    """Nothing could be said of such a run, and its unreadable record was tried for ever."""
    assert identity.parse_run_key(key.format(uuid4()).encode()) is None


def test_one_subjects_events_share_a_key() -> None:
    """Order is kept for a subject; without one, for a trace."""
    assert identity.event_key("keys", "acme", "key-1", "t-1") == identity.event_key("keys", "acme", "key-1", "t-2")
    assert identity.event_key("keys", "acme", None, "t-1") != identity.event_key("keys", "acme", None, "t-2")


def test_trace_and_actor_do_not_make_another_request() -> None:
    """The body's digest covers tenant, project, template, inputs and dry_run, and each of them counts."""
    base = ("acme", None, "settler.contract.process", {"contract_id": "c"}, False)
    same = identity.body_digest(*base)
    assert same == identity.body_digest("acme", None, "settler.contract.process", {"contract_id": "c"}, False)
    changed = [
        ("other", *base[1:]),
        (base[0], "web", *base[2:]),
        (*base[:2], "settler.contract.other", *base[3:]),
        (*base[:3], {"contract_id": "d"}, False),
        (*base[:4], True),
    ]
    assert len({same, *(identity.body_digest(*each) for each in changed)}) == len(changed) + 1


@given(st.text(min_size=1, max_size=60))
def test_trace_ids_fit_opentelemetry(trace_id: str) -> None:
    """128 bits for the trace and 64 for its root span, neither of them zero, which would mean none."""
    assert 0 < identity.otel_trace_id(trace_id) < 2**128
    assert 0 < identity.otel_root_span_id(trace_id) < 2**64


def test_two_spellings_of_one_text_are_one_trace() -> None:
    """Composed and decomposed letters are the same trace id."""
    assert identity.otel_trace_id("caf\u00e9") == identity.otel_trace_id("cafe\u0301")


def test_a_key_of_version_7_says_when_it_was_made_and_any_other_says_nothing() -> None:
    """RFC 9562: 48 bits of milliseconds come first."""
    assert identity.key_made_at("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert identity.key_made_at("invoice-17") is None
    assert identity.key_made_at(str(uuid4())) is None


@given(st.integers(0, 2**48 - 1))
@example(2**48 - 1)
def test_a_key_that_says_a_time_to_come_says_nothing(milliseconds: int) -> None:
    """Years beyond 9999 made the request impossible; sooner ones made an old run look new."""
    made_at = identity.key_made_at(str(UUID(int=milliseconds << 80 | 0x7FFF << 64 | 0xBFFF << 48)))
    assert made_at is None or made_at < datetime.now(UTC) + timedelta(days=1, seconds=1)
    assert made_at is not None or milliseconds / 1000 > time.time()
