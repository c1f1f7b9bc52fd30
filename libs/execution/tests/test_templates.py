"""What declaring and finding templates promises: a mistake is named when the service starts, not when a job runs."""

import sys
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from jobforge.contracts.snapshot import sensitive_fields, without
from jobforge.execution.discovery import bind_tools, find_templates
from jobforge.execution.job import Job
from jobforge.execution.redaction import redacted, sensitive
from jobforge.execution.template import Template, TemplateError, template


class Inputs(BaseModel):
    """Inputs with a secret."""

    name: str = ""
    token: str = sensitive(default="")


class Outputs(BaseModel):
    """Nothing."""


class Tool:
    """Something a template needs."""


def declared(function: object) -> Template:
    """What the decorator left on a function."""
    found = function.__jobforge_template__  # type: ignore[attr-defined]  # the decorator puts it there
    assert isinstance(found, Template)
    return found


def test_a_template_says_what_it_takes_and_gives() -> None:
    """The descriptor holds the schemas, limits and effects that the plane announces."""

    @template("demo.thing.make", scopes={"b", "a"}, attempts=5, effects="keyed", version="2")
    async def run(inputs: Inputs, job: Job, *, tool: Tool) -> Outputs:
        """Makes a thing."""
        return Outputs()

    descriptor = declared(run).descriptor()
    assert descriptor["input_schema"]["properties"].keys() == {"name", "token"}
    assert (descriptor["scopes"], descriptor["attempts"], descriptor["effects"]) == (["a", "b"], 5, "keyed")
    assert (descriptor["description"], descriptor["version"], descriptor["domain"]) == ("Makes a thing.", "2", "demo")


def test_a_tool_that_nobody_makes_is_named_at_start() -> None:
    """A missing tool stops the service, with the template and the tool in the message."""

    @template("demo.thing.make")
    async def run(inputs: Inputs, job: Job, *, tool: Tool) -> Outputs:
        return Outputs()

    with pytest.raises(TemplateError, match=r"demo\.thing\.make asks for the tool tool: Tool"):
        bind_tools([declared(run)], [])
    assert bind_tools([declared(run)], [Tool()])["demo.thing.make"].tools.keys() == {"tool"}


def test_a_signature_that_cannot_run_is_refused() -> None:
    """Not async, no job, no model: each is a TemplateError that says what is wrong."""
    with pytest.raises(TemplateError, match="async def"):

        @template("demo.thing.make")  # type: ignore[arg-type]  # wrong on purpose
        def not_async(inputs: Inputs, job: Job) -> Outputs:
            return Outputs()

    with pytest.raises(TemplateError, match="job: Job"):

        @template("demo.thing.make")
        async def no_job(inputs: Inputs) -> Outputs:
            return Outputs()

    with pytest.raises(TemplateError, match="return value"):

        @template("demo.thing.make")
        async def no_model(inputs: Inputs, job: Job) -> dict[str, str]:
            return {}


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        ({"attempts": 0}, "attempts is 0, and must be a whole number from 1"),
        ({"attempts": 2.5}, "attempts is 2.5"),
        ({"attempts": 1001}, "attempts is 1001, and must be a whole number from 1 to 1000"),
        ({"timeout": timedelta()}, "timeout is .*, and must be a timedelta above zero"),
        ({"timeout": timedelta.max}, "timeout is .* below 30 days"),
        ({"timeout": 60}, "timeout is 60"),
        ({"backoff": 5}, "backoff is 5, and must be a timedelta of zero or more"),
        ({"backoff": -timedelta(seconds=1)}, "backoff is"),
        ({"version": 2}, "version is 2, and must be text"),
    ],
)
def test_limits_that_no_run_could_keep_are_refused(limits: dict[str, Any], refusal: str) -> None:
    """A number for a wait made the retry impossible, and the run was tried for ever."""

    async def run(inputs: Inputs, job: Job) -> Outputs:
        return Outputs()

    with pytest.raises(TemplateError, match=r"demo\.thing\.make: " + refusal):
        template("demo.thing.make", **limits)(run)


def test_a_key_that_does_not_spell_its_path_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``thing_make.py`` of the domain ``planted`` must hold ``planted.thing.make``."""
    folder = tmp_path / "planted" / "templates"
    folder.mkdir(parents=True)
    (tmp_path / "planted" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "thing_make.py").write_text(
        textwrap.dedent(
            """
            from pydantic import BaseModel
            from jobforge.execution.job import Job
            from jobforge.execution.template import template

            @template("planted.other.make")
            async def run(inputs: BaseModel, job: Job) -> BaseModel:
                return inputs
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(TemplateError, match=r"its key must be planted\.thing\.make"):
        find_templates("planted")
    for name in [name for name in sys.modules if name.startswith("planted")]:
        del sys.modules[name]


def test_the_echo_template_is_found_by_scanning() -> None:
    """No list names it."""
    assert find_templates("jobforge.testkit.echo").keys() >= {"echo.message.reply"}


class Nested(BaseModel):
    """Inputs that hold themselves, and secrets of every shape."""

    plain: str = ""
    renamed: str = sensitive(default="", alias="other")
    inner: "Nested | None" = sensitive(default=None)
    many: list["Nested"] = sensitive(default_factory=list, description="Several.")


@pytest.mark.parametrize("model", [Inputs, Nested])
def test_who_knows_only_the_announced_schema_hides_the_same_inputs(model: type[BaseModel]) -> None:
    """A run that no worker ends shows no more of its inputs than one that ran."""
    inputs = {"name": "n", "token": "s", "plain": "p", "other": "o", "inner": {"plain": "q"}, "many": [], "extra": 1}
    assert without(inputs, sensitive_fields(model.model_json_schema())) == redacted(model, inputs)


def test_sensitive_inputs_are_redacted_and_nothing_else_is() -> None:
    """The manifest shows that a token was there, not which."""
    assert redacted(Inputs, {"name": "n", "token": "s"}) == {"name": "n", "token": "[REDACTED]"}
