"""What a template is: an async function with typed inputs, typed outputs and the tools it names."""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel

from jobforge.contracts.base import JsonObject
from jobforge.contracts.control import MAX_ATTEMPTS
from jobforge.contracts.topics import MONTH
from jobforge.execution.job import Job
from jobforge.execution.retry import FIRST_DELAY

Effects = Literal["pure", "keyed"]
Slots = Literal["fast", "slow"]
SLOW_FROM = timedelta(seconds=60)
"""A template that may run longer than this has its requests in the slow lane, unless it says otherwise."""
LONGEST = MONTH
"""What no attempt may take: the log forgets a request then, and could not give it to another worker."""
Function = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of job, as its decorator declared it."""

    key: str
    version: str
    inputs: type[BaseModel]
    outputs: type[BaseModel]
    run: Function
    tools: tuple[tuple[str, type], ...]
    scopes: frozenset[str]
    timeout: timedelta
    attempts: int
    effects: Effects
    lane: Slots
    backoff: timedelta
    description: str

    def descriptor(self) -> JsonObject:
        """Key, schemas and limits, as ``jobforge.control`` announces them."""
        return {
            "template_key": self.key,
            "version": self.version,
            "domain": self.key.partition(".")[0],
            "description": self.description,
            "input_schema": self.inputs.model_json_schema(),
            "output_schema": self.outputs.model_json_schema(mode="serialization"),
            "scopes": sorted(self.scopes),
            "effects": self.effects,
            "timeout_seconds": self.timeout.total_seconds(),
            "attempts": self.attempts,
            "lane": self.lane,
        }


class TemplateError(TypeError):
    """A template is declared in a way that cannot run; raised when its module is imported or the service starts."""


def template(
    key: str,
    *,
    scopes: Iterable[str] = (),
    timeout: timedelta = timedelta(seconds=60),
    attempts: int = 3,
    effects: Effects = "pure",
    lane: Slots | None = None,
    backoff: timedelta = FIRST_DELAY,
    version: str = "1",
) -> Callable[[Function], Function]:
    """Declare a template: ``async def run(inputs: Inputs, job: Job, *, documents: Documents) -> Outputs``.

    Keyword-only parameters are tools, found by type when the service starts. ``backoff`` is the wait after the first
    failed attempt; it doubles with each further one, up to 10 minutes. ``lane`` says which slots its jobs take: long
    jobs belong into the slow lane, where they hold up no short one. Raises ``TemplateError`` for a
    signature or a limit that no run could have, with the parameter's name.
    """
    _check_limits(key, version=version, timeout=timeout, attempts=attempts, backoff=backoff)

    def declare(function: Function) -> Function:
        inputs, outputs, tools = _signature(key, function)
        function.__jobforge_template__ = Template(  # type: ignore[attr-defined]  # functions take attributes
            key=key,
            version=version,
            inputs=inputs,
            outputs=outputs,
            run=function,
            tools=tools,
            scopes=frozenset(scopes),
            timeout=timeout,
            attempts=attempts,
            effects=effects,
            lane=lane or ("slow" if timeout > SLOW_FROM else "fast"),
            backoff=backoff,
            description=inspect.getdoc(function) or "",
        )
        return function

    return declare


def _check_limits(key: str, *, version: object, timeout: object, attempts: object, backoff: object) -> None:
    """What is wrong here would only be seen when a job fails for the first time."""
    if not isinstance(version, str):
        raise TemplateError(f"{key}: version is {version!r}, and must be text")
    if not isinstance(attempts, int) or not 1 <= attempts <= MAX_ATTEMPTS:
        raise TemplateError(f"{key}: attempts is {attempts!r}, and must be a whole number from 1 to {MAX_ATTEMPTS}")
    if not isinstance(timeout, timedelta) or not timedelta() < timeout < LONGEST:
        raise TemplateError(
            f"{key}: timeout is {timeout!r}, and must be a timedelta above zero and below {LONGEST.days} days"
        )
    if not isinstance(backoff, timedelta) or backoff < timedelta():
        raise TemplateError(f"{key}: backoff is {backoff!r}, and must be a timedelta of zero or more")


def _signature(key: str, function: Function) -> tuple[type[BaseModel], type[BaseModel], tuple[tuple[str, type], ...]]:
    if not inspect.iscoroutinefunction(function):
        raise TemplateError(f"{key}: run must be `async def`")
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(positional) != 2 or hints.get(positional[1].name) is not Job:
        raise TemplateError(f"{key}: run takes (inputs: Inputs, job: Job) and, after a `*`, its tools")
    inputs, outputs = hints.get(positional[0].name), hints.get("return")
    for name, model in (("inputs", inputs), ("the return value", outputs)):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise TemplateError(f"{key}: {name} must be annotated with a pydantic model")
    tools = []
    for parameter in parameters:
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        kind = hints.get(parameter.name)
        if not isinstance(kind, type):
            raise TemplateError(f"{key}: the tool {parameter.name!r} needs a class as its annotation")
        tools.append((parameter.name, kind))
    assert isinstance(inputs, type)
    assert isinstance(outputs, type)
    return inputs, outputs, tuple(tools)
