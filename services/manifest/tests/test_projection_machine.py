"""The view in any order of appending, applying, losing and replaying: always the fold of the log from its start."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobforge.chassis.wire import Record
from jobforge.contracts.base import Message
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RunCancelRequested
from jobforge.manifest import keys
from jobforge.manifest.batches import Batch, Refusal, Snapshot, State
from jobforge.manifest.families import decode, family_of, rows_of
from jobforge.manifest.projection import begun_again
from jobforge.manifest.showing import merged
from jobforge.manifest.states import parsed_request, parsed_run
from jobforge.testkit.run_records import (
    AT,
    after,
    canceled,
    failed,
    progressed,
    requested,
    retrying,
    started,
    succeeded,
)

JOBS, SLOW, RUNS = "jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.runs"
TOPICS = (JOBS, SLOW, RUNS)
NOW = AT + timedelta(hours=1)
LONG = UUID(int=3)
run_ids = st.sampled_from([UUID(int=number) for number in (1, 2, 3)])
numbers, claims = st.integers(1, 3), st.sampled_from("ab")


class View:
    """What the commands of batches leave behind: the part of Redis that they use."""

    def __init__(self) -> None:
        self.marks = dict.fromkeys(TOPICS, 0)
        self.hashes: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.sets: dict[str, dict[str, int]] = defaultdict(dict)

    def run(self, batch: Batch) -> None:
        """All commands, as the apply script runs them."""
        first = False
        for mode, *command in batch.commands:
            if mode != "if" or first:
                answer = self._one(*command)
                first = answer == 1 if mode == "first" else first

    def _one(self, name: Any, key: Any, *words: Any) -> int:
        if name == "HSET":
            self.hashes[key].update(_pairs(words))
        elif name == "HSETNX":
            if words[0] in self.hashes[key]:
                return 0
            self.hashes[key].update(_pairs(words))
        elif name == "EXISTS":
            return int(bool(self.hashes[key]))
        elif name == "ZADD" and words[0] == "XX":
            if words[2] in self.sets[key]:
                self.sets[key][words[2]] = words[1]
        elif name == "ZADD":
            self.sets[key].update(zip(words[1::2], words[::2], strict=True))
        elif name == "ZREM":
            for member in words:
                self.sets[key].pop(member, None)
        else:
            assert name in {"EXPIRE", "PEXPIREAT"}
        return 1


class Projection(RuleBasedStateMachine):
    """One partition of three topics, folded lane by lane with a memory that may be lost at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.log: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
        self.view = View()
        self.memory: dict[str, dict[str, State]] = {topic: {} for topic in TOPICS}
        self.attempts: dict[str, int] = {}
        self.manifests: dict[str, bytes] = {}

    def write(self, topic: str, message: Message) -> None:
        """Append one record."""
        log = self.log[topic]
        log.append(Record(topic, 0, len(log), b"", message.to_bytes(), (), int(AT.timestamp() * 1000)))

    @rule(run_id=run_ids, body=st.sampled_from("aaab"))
    def request(self, run_id: UUID, body: str) -> None:
        """A request, a repeat of it, or one with another body; the third run is of a long template."""
        self.write(SLOW if run_id == LONG else JOBS, requested(run_id, inputs={"message": body}))

    @precondition(lambda self: self.log[JOBS])
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """A worker moves a request on to the slow lane, as it is."""
        firsts = {
            JobRequested.model_validate_json(record.value or b"").run_id: record.value
            for record in reversed(self.log[JOBS])
        }
        value = firsts[data.draw(st.sampled_from(sorted(firsts)))]
        self.log[SLOW].append(Record(SLOW, 0, len(self.log[SLOW]), b"", value, (), int(AT.timestamp() * 1000)))

    @rule(run_id=run_ids, number=numbers, claim=claims, kind=st.sampled_from([started, started, retrying]))
    def work(self, run_id: UUID, number: int, claim: str, kind: Any) -> None:
        """An attempt begins, or fails."""
        self.write(RUNS, kind(run_id, attempt=number, claim=claim))

    @rule(run_id=run_ids, number=numbers)
    def progress(self, run_id: UUID, number: int) -> None:
        """An attempt says how far it is."""
        self.write(RUNS, progressed(run_id, 0.5, attempt=number))

    @rule(run_id=run_ids)
    def cancel(self, run_id: UUID) -> None:
        """Somebody asks to cancel."""
        self.write(RUNS, RunCancelRequested(run_id=run_id, tenant_id="acme", at=after(2)))

    @rule(run_id=run_ids, number=numbers, claim=claims, kind=st.sampled_from([succeeded, failed, canceled]))
    def end(self, run_id: UUID, number: int, claim: str, kind: Any) -> None:
        """A terminal record, the first or another."""
        self.write(RUNS, kind(run_id, attempt=number, claim=claim))

    @precondition(lambda self: any(len(log) > self.view.marks[topic] for topic, log in self.log.items()))
    @rule(topic=st.sampled_from(TOPICS), count=st.integers(1, 8), back=st.integers(0, 4))
    def apply(self, topic: str, count: int, back: int) -> None:
        """A batch of any length, read again from before the watermark as after a restart: what was applied stays so."""
        mark = self.view.marks[topic]
        records = self.log[topic][max(0, mark - back) : mark + count]
        if records:
            _apply(self.view, topic, records, self.memory[topic])

    @rule(topic=st.sampled_from(TOPICS))
    def forget(self, topic: str) -> None:
        """Another member takes the partition, or the memory was full: rows are read back."""
        self.memory[topic].clear()

    @rule()
    def flush(self) -> None:
        """The whole view is gone, with its watermarks; every lane notices and begins again."""
        self.view = View()
        self.memory = {topic: {} for topic in TOPICS}
        self.attempts.clear()

    @invariant()
    def nothing_shown_goes_back(self) -> None:
        """Attempts never fall; a terminal run is never reopened and its manifest never changes, flushed or not."""
        for row, fields in self.view.hashes.items():
            if keys.RUN not in fields:
                continue
            state = parsed_run(fields[keys.RUN])
            assert state.attempt >= self.attempts.get(row, 0)
            self.attempts[row] = state.attempt
            assert (keys.MANIFEST in fields) == (state.end is not None)
            if state.end is not None:
                assert self.manifests.setdefault(row, fields[keys.MANIFEST]) == fields[keys.MANIFEST]

    def teardown(self) -> None:
        """Once everything is applied, the view is what one fold of each topic from 0 makes."""
        for topic, log in self.log.items():
            if log[self.view.marks[topic] :]:
                _apply(self.view, topic, log[self.view.marks[topic] :], self.memory[topic])
        fresh = View()
        for topic, log in self.log.items():
            if log:
                _apply(fresh, topic, log, {}, asking=True)
        assert {row: _shown(fields) for row, fields in self.view.hashes.items()} == {
            row: _shown(fields) for row, fields in fresh.hashes.items()
        }
        listed = {name: members for name, members in self.view.sets.items() if ":open:" not in name}
        assert listed == {name: members for name, members in fresh.sets.items() if ":open:" not in name}
        self._check_open_runs()

    def _check_open_runs(self) -> None:
        """Who is asked for and has not ended is in the index of open runs; who has begun twice is counted."""
        members = self.view.sets[keys.open_runs(0)]
        for row, fields in self.view.hashes.items():
            state = parsed_run(fields[keys.RUN]) if keys.RUN in fields else None
            if keys.REQUEST in fields and (state is None or state.end is None):
                assert row.removeprefix("jobforge:run:") in members
            if state is not None and begun_again(state) > 1:
                assert fields[keys.STARTS] == f"{state.attempt} {begun_again(state)}".encode()
            if state is not None and state.end is None:
                assert (keys.CANCEL in fields) == state.cancel_requested


def _apply(view: View, topic: str, records: list[Record], memory: dict[str, State], *, asking: bool = False) -> Batch:
    """What the projector does with records of one lane; unless ``asking``, it is certain of what the view holds."""
    family = family_of(topic)
    reads = decode(family, records)
    for row in rows_of(family, reads):
        if row not in memory:
            memory[row] = family.parse(view.hashes[row].get(family.held or ""))
    held = keys.REQUEST if topic == RUNS else None
    settled = {row for row in rows_of(family, reads) if (held in view.hashes[row] if held else not view.hashes[row])}
    batch = family.fold(reads, memory, view.marks[topic], NOW, () if asking else settled)
    view.run(batch)
    view.marks[topic] = max(view.marks[topic], records[-1].offset + 1)
    for item in batch.publish:
        assert isinstance(item, Snapshot | Refusal)
    return batch


def _shown(fields: dict[str, bytes]) -> dict[str, Any]:
    """A row without what may stay behind when it is stale, and with what a reader makes of it."""
    request = parsed_request(fields[keys.REQUEST]) if keys.REQUEST in fields else None
    run = parsed_run(fields[keys.RUN]) if keys.RUN in fields else None
    kept = {name: value for name, value in fields.items() if name not in {keys.STARTS, keys.REQUEST}}
    return {**kept, "request": request, "job": merged("acme", UUID(int=0), request, run)}


def _pairs(words: tuple[Any, ...]) -> dict[str, bytes]:
    values = [value if isinstance(value, bytes) else str(value).encode() for value in words[1::2]]
    return dict(zip(words[::2], values, strict=True))


TestProjection = Projection.TestCase
TestProjection.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
