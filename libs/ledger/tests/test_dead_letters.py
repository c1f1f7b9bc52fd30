"""Dead letters: compared byte for byte, grouped by cause, and made requests again."""

import re
from typing import Any
from uuid import uuid4

import pytest

from jobforge.contracts.dead_letter import CAUSE, REASON, aside, dead_letter_headers
from jobforge.contracts.identity import run_id_for_key, run_key
from jobforge.contracts.inbox import INBOX
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import read_any
from jobforge.ledger.artifact_bytes import ArtifactBytes, StoreUnreachable
from jobforge.ledger.dead_letters import DeadLetter, Groups, Wanted
from jobforge.ledger.records import Headers, Position, Record
from jobforge.ledger.replays import NotReplayable, encoded, replay_of, run_of
from jobforge.testkit.run_records import requested

ORIGINAL = Record("jobforge.jobs.echo", 3, 7, b"k", b"v", ((REASON, b"mine"), ("x", b"\xff"), (CAUSE, b"mine")), 5)


def buried(original: Record, *, cause: str | None = None, offset: int = 0, at: int = 1_000) -> DeadLetter:
    """As a worker sets a record aside."""
    headers = dead_letter_headers(
        original.headers,
        reason="job.attempts_exhausted",
        detail="spent",
        topic=original.topic,
        partition=original.partition,
        offset=original.offset,
        timestamp=original.timestamp,
        dead_at="2026-11-25T00:00:00Z",
        cause=cause,
    )
    return DeadLetter(Record("jobforge.dlq.echo", 0, offset, original.key, original.value, headers, at))


def of_request(request: JobRequested, **more: Any) -> DeadLetter:
    key = run_key(request.tenant_id, request.run_id)
    return buried(Record("jobforge.jobs.echo", 0, 0, key, request.to_bytes()), **more)


def changed(letter: DeadLetter, **change: Any) -> DeadLetter:
    fields = {name: getattr(letter.record, name) for name in Record.__slots__}
    return DeadLetter(Record(**{**fields, **change}))


@pytest.mark.parametrize("cause", [None, "echo.later"])
def test_only_what_is_added_may_differ(cause: str | None) -> None:
    """The original's headers come first and whole, even where they have the names of added ones."""
    letter = buried(ORIGINAL, cause=cause)
    assert letter.of == ORIGINAL.position
    headers: Headers = letter.record.headers
    assert letter.keeps(ORIGINAL)
    assert changed(letter, headers=(*headers, ("traceparent", b"00-1-2-01"))).keeps(ORIGINAL)
    for spoiled in (
        changed(letter, value=b"v "),
        changed(letter, key=None),
        changed(letter, headers=headers[1:]),
        changed(letter, headers=(headers[1], headers[0], *headers[2:])),
        changed(letter, headers=(*headers, ("other", b""))),
        changed(letter, headers=(*headers, headers[-1])),
    ):
        assert not spoiled.keeps(ORIGINAL)


def test_a_replay_is_a_request_that_the_operators_inbox_takes() -> None:
    """The same dead letter is the same run whenever it is replayed; the chain keeps its root."""
    request = requested(uuid4(), "acme", inputs={"message": "x"}, dry_run=True)
    job = replay_of(of_request(request, offset=4))
    taken = read_any(INBOX, encoded(job))
    assert (taken.replay_of, taken.root_run_id, taken.inputs) == (request.run_id, request.run_id, {"message": "x"})
    assert (taken.tenant_id, taken.trace_id, taken.dry_run) == ("acme", request.trace_id, True)
    assert run_of(job) == run_id_for_key("acme", request.template_key, "replay:jobforge.dlq.echo:0:4")

    again = request.model_copy(
        update={"run_id": run_of(job), "replay_of": job.replay_of, "root_run_id": request.run_id}
    )
    second = replay_of(of_request(again))
    assert (second.replay_of, second.root_run_id) == (run_of(job), request.run_id)


def test_what_cannot_be_replayed_says_why() -> None:
    """Bytes that are no request, a request that the inbox would not take, a key of another run."""
    good = requested(uuid4())
    for letter, why in (
        (changed(of_request(good), value=b"{"), "record.malformed"),
        (changed(of_request(good), value=None), "record.malformed"),
        (changed(of_request(good), key=b"acme:other"), "its key names another run"),
        (changed(of_request(good), value=good.to_bytes().replace(b'"schema_version":1', b'"schema_version":9')), "9"),
        (of_request(requested(uuid4(), inputs={"x": "y" * 1024 * 1024})), "larger than an inbox takes"),
    ):
        with pytest.raises(NotReplayable, match=re.escape(why)):
            replay_of(letter)


def test_letters_group_by_cause_and_template_and_are_chosen_by_either() -> None:
    """The reason, and the last error where attempts are spent; what cannot be read has no template."""
    one = of_request(requested(uuid4()), cause="echo.later", at=1_000)
    two = of_request(requested(uuid4()), cause="echo.later", at=9_000, offset=1)
    three = buried(ORIGINAL, offset=2)
    groups = Groups()
    groups.add([two, three, one])
    largest, other = groups.largest_first()
    assert (largest.cause, largest.count, largest.first, largest.last) == ("echo.later", 2, one, two)
    assert (other.reason, other.template) == ("job.attempts_exhausted", "?")
    letters = [one, two, three]
    assert [letter for letter in letters if Wanted(cause="echo.later").takes(letter)] == [one, two]
    assert [letter for letter in letters if Wanted(cause="job.attempts_exhausted").takes(letter)] == letters
    assert [letter for letter in letters if Wanted(since=two.at).takes(letter)] == [two]
    assert [letter for letter in letters if Wanted(positions=frozenset({three.position})).takes(letter)] == [three]
    assert [letter for letter in letters if Wanted(template="echo.message.reply", tenant="acme").takes(letter)] == [
        one,
        two,
    ]


def test_a_position_is_read_as_the_commands_and_as_errors_write_it() -> None:
    """``topic:partition:offset`` and ``topic/partition@offset``; nothing else."""
    at = Position("jobforge.dlq.echo", 0, 17)
    assert Position.parse("jobforge.dlq.echo:0:17") == Position.parse(str(at)) == at
    for text in ("", "x", "x:1", "x/1:2", "x:1@2", "x:-1:2", "x y:1:2", "x:1:2\n"):
        with pytest.raises(ValueError, match="not a position"):
            Position.parse(text)


async def test_artifacts_are_digested_where_they_stand(tmp_path: Any) -> None:
    """None for what is not there; a store that is not there is no finding but an error."""
    (tmp_path / "a").write_bytes(b"hello")
    store = ArtifactBytes(tmp_path.as_uri())
    assert await store.sha256("a") == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert await store.sha256("b") is None
    with pytest.raises(StoreUnreachable):
        ArtifactBytes((tmp_path / "nowhere").as_uri())
    with pytest.raises(ValueError, match="artifacts stand at"):
        ArtifactBytes("http://x")


@pytest.mark.parametrize(
    "original",
    [
        Record("jobforge.jobs.echo", 0, 1, None, None, (("x", b"y"),)),
        Record("jobforge.jobs.echo", 0, 1, b"k", b"v" * 3_000_000),
        Record("jobforge.jobs.echo", 0, 1, b"k", b"v", (("x", b"y" * 3_000_000),)),
        Record("jobforge.jobs.echo", 0, 1, b"k" * 3_000_000, b"v"),
    ],
    ids=["nothing", "value", "headers", "key"],
)
def test_a_dead_letter_that_says_how_it_differs_is_no_finding_and_cannot_be_replayed(original: Record) -> None:
    """What no topic takes is set aside as far as it fits; a byte more or less is a finding still."""
    kept = aside(original, reason="record.malformed", detail="as told", dead_at="2026-11-25T00:00:00Z")
    letter = DeadLetter(Record("jobforge.dlq.echo", 0, 0, *kept))
    assert letter.keeps(original)
    assert not changed(letter, value=b"other").keeps(original)
    assert not changed(letter, key=b"other").keeps(original)
    with pytest.raises(NotReplayable):
        replay_of(letter)


def test_why_a_cut_dead_letter_cannot_be_replayed_is_said() -> None:
    """Not that it is malformed: it was not, before it was cut."""
    kept = aside(
        Record("jobforge.jobs.echo", 0, 1, b"k", b"v" * 3_000_000),
        reason="record.malformed",
        detail="as told",
        dead_at="now",
    )
    with pytest.raises(NotReplayable, match="cut when it was set aside: the whole had 3000000 bytes"):
        replay_of(DeadLetter(Record("jobforge.dlq.echo", 0, 0, *kept)))
