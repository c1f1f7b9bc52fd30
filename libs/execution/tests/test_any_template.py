"""Whatever a template tells, returns or raises, its attempt ends in one record that every reader can read."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.environment import environment_of
from jobforge.chassis.spans import SpanContext
from jobforge.chassis.wire import Record
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.runs import RUN_RECORDS, RunFailed, RunSucceeded
from jobforge.execution.attempt import Surroundings
from jobforge.execution.case import Case
from jobforge.execution.children import Children
from jobforge.execution.discovery import BoundTemplate
from jobforge.execution.ending import Endings
from jobforge.execution.errors import JobFailure, Retryable, Terminal
from jobforge.execution.job import Job
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.runner import Runner
from jobforge.execution.starts import StartsFirst
from jobforge.execution.template import Template, template
from jobforge.manifest.projection import fold
from jobforge.manifest.states import NOTHING
from jobforge.testkit.builders import job_requested
from jobforge.testkit.memory import MemoryLog

RECORD = Record("jobforge.jobs.echo", 0, 0, b"acme:1", b"{}", (), 0)


class Inputs(BaseModel):
    """Nothing."""


class Outputs(BaseModel):
    """Anything at all."""

    value: Any = None


class Rooted(RootModel[Any]):
    """Anything at all, and not even in an object."""


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def deep(value: Any, levels: int) -> Any:
    """The value in that many lists."""
    for _ in range(levels):
        value = [value]
    return value


texts = st.text(st.characters(exclude_categories=()), max_size=20)
"""Half surrogate pairs and NUL among them."""
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.binary(max_size=8),
    st.datetimes(),
    st.complex_numbers(),
)
values = st.recursive(
    scalars | st.just(object()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=2)
        | st.tuples(inner)
        | st.builds(deep, inner, st.sampled_from([60, 66, 199, 220, 253, 300]))
    ),
    max_leaves=12,
)
raised = st.one_of(
    st.builds(Terminal, texts),
    st.builds(Retryable, texts, after=st.none() | st.timedeltas()),
    st.builds(RuntimeError, values),
    st.builds(lambda value: FileNotFoundError(2, "none", value), texts),
    st.sampled_from([Speechless(), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), JobFailure()]),
    st.builds(lambda *errors: BaseExceptionGroup("several", errors), st.builds(Terminal, texts), st.just(Speechless())),
)
tellings = st.lists(
    st.one_of(
        st.tuples(st.just("measure"), texts | scalars, scalars),
        st.tuples(st.just("used_tool"), texts | scalars, texts | scalars),
        st.tuples(st.just("progress"), st.floats(), st.none() | texts),
        st.tuples(st.just("effect"), st.just("mail"), values),
        st.tuples(st.just("write_artifact"), texts, st.binary(max_size=8), texts),
    ),
    max_size=4,
)


def behaving(told: list[tuple[Any, ...]], end: Any, *, raises: bool, rooted: bool) -> Callable[..., Any]:
    """A template that tells these things of itself, and then returns or raises."""

    async def run(inputs: Inputs, job: Job) -> Outputs | Rooted:
        for name, *what in told:
            if name == "effect":
                await job.effect(what[0], act, what=what[1])
            elif name in ("measure", "used_tool"):
                getattr(job, name)(*what)
            else:
                await getattr(job, name)(*what)
        if raises:
            raise end
        return Rooted.model_construct(end) if rooted else Outputs.model_construct(value=end)

    run.__annotations__["return"] = Rooted if rooted else Outputs

    return run


async def act(key: str) -> None:
    """Does nothing to the world."""


async def outcome(run: Callable[..., Any], requested: JobRequested, around: Surroundings, log: MemoryLog) -> bytes:
    """The one record that says what came of the attempt."""
    kind: Template = template("echo.message.reply", timeout=timedelta(seconds=5))(run).__jobforge_template__  # type: ignore[attr-defined]
    runner = Runner({kind.key: BoundTemplate(kind, {})}, around, environment=environment_of("testkit"), worker="w")
    outcomes = Outcomes(StartsFirst(log.publisher()), 1)
    snapshot = runner.snapshot(requested)
    started = runner.started(requested, 1, "claim")
    result = await runner.run(requested, snapshot, started)
    place = outcomes.place(requested.tenant_id, requested.run_id)
    case = Case(RECORD, Delivery.of(()), requested, snapshot, place)
    await Endings("echo", runner, outcomes).write(result, case, started, span=SpanContext(1, 1))
    (record,) = [one.value for one in log.records("jobforge.runs") if b'"RunProgressed"' not in (one.value or b"")]
    assert record is not None
    return record


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(tellings, st.booleans(), st.booleans(), st.booleans(), st.data())
def test_whatever_a_template_does_its_attempt_ends_in_a_record_that_can_be_read(
    tmp_path: Path, told: list[tuple[Any, ...]], raises: bool, rooted: bool, dry_run: bool, data: st.DataObject
) -> None:
    """A retry, or the run's end, of which the view makes a manifest."""
    end = data.draw(raised if raises else values)
    log = MemoryLog(
        {
            "jobforge.runs": 1,
            "jobforge.dlq.echo": 1,
            "jobforge.retry.5s": 1,
            "jobforge.retry.30s": 1,
            "jobforge.retry.2m": 1,
            "jobforge.retry.10m": 1,
        }
    )
    requested = job_requested({}, attempts=data.draw(st.integers(1, 2)), dry_run=dry_run)
    with ThreadPoolExecutor(1) as threads:
        store = ArtifactStore(tmp_path.as_uri())
        around = Surroundings(store, StartsFirst(log.publisher()), Children(1), threads, 1)
        value = asyncio.run(outcome(behaving(told, end, raises=raises, rooted=rooted), requested, around, log))
    record = RUN_RECORDS.validate_json(value)
    if isinstance(record, RunSucceeded | RunFailed):
        _, sealed = fold(NOTHING, record, 0)
        assert RunManifest.model_validate_json(sealed or b"").run_id == requested.run_id
