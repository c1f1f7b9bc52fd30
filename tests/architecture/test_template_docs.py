"""The reference of templates says what the code says: fields with their limits, errors with their words."""

from datetime import timedelta
from typing import Annotated

import template_errors
from pydantic import BaseModel, Field, StringConstraints
from template_docs import templates_page

from jobforge.documents.errors import DocumentUnsupported
from jobforge.execution.job import Job
from jobforge.execution.redaction import sensitive
from jobforge.execution.template import Template, template

CONTRACT = "jobforge.settler.templates.contract_process"
SEARCH = "jobforge.aias.templates.knowledge_search"
INDEX = "jobforge.aias.templates.knowledge_index"


class Part(BaseModel):
    name: Annotated[str, StringConstraints(min_length=2)]


class Inputs(BaseModel):
    """What a test takes."""

    count: int = Field(default=3, ge=1, le=9, description="How many, a|b.")
    secret: str | None = sensitive(default=None, max_length=5)
    parts: list[Part]


class Outputs(BaseModel):
    parts: dict[str, Part]


@template("made.up.thing", timeout=timedelta(seconds=90), attempts=4, effects="keyed")
async def run(inputs: Inputs, job: Job) -> Outputs:
    """Do a thing."""
    return Outputs(parts={})


def page() -> str:
    declared: Template = run.__jobforge_template__  # type: ignore[attr-defined]  # the decorator put it there
    return templates_page([declared])


def test_a_field_is_shown_with_type_default_limits_and_meaning() -> None:
    """Also fields of the models inside, secret ones as such, and a bar within a cell."""
    lines = page().splitlines()
    assert r"| `count` | whole number | `3` | 1 to 9 | How many, a\|b. |" in lines
    assert "| `secret` | text or null | `null` | at most 5 characters; not shown in manifests |  |" in lines
    assert "| `parts` | list of object | required |  |  |" in lines
    assert "| `parts[].name` | text | required | at least 2 characters |  |" in lines
    assert "| `parts.*.name` | text |  |" in lines


def test_effects_timeout_attempts_and_lane_are_named() -> None:
    """What the decorator was told."""
    assert "effects keyed: acts on the world, once for each run; ends after 90 seconds" in page()
    assert "4 attempts; slow lane" in page()


def test_an_error_that_only_an_import_of_an_import_raises_is_found_with_its_words() -> None:
    """Its code, its docstring, whether it is tried again, and its message with constants filled in."""
    found = {each.code: each for each in template_errors.template_errors(INDEX)}
    unsupported = found["document.unsupported_type"]
    assert unsupported.when == DocumentUnsupported.__doc__
    assert not unsupported.retryable
    assert "A Word 97-2003 file (.doc) is not supported; save it as DOCX or PDF." in unsupported.says
    assert "The file is …; …." in unsupported.says
    assert found["index.busy"].retryable
    assert any(" 50 times; " in say for say in found["index.busy"].says), "the constant is filled in"
    assert found["document.too_costly"].says == (), "an error that a shared mechanism words is listed all the same"


def test_an_error_that_a_service_translates_is_named_by_its_own_code_alone() -> None:
    """Settler's callers know contracts; what the library of documents says is said of these."""
    found = {each.code: each for each in template_errors.template_errors(CONTRACT)}
    assert "The PDF has no pages." in found["contract.unreadable"].says
    assert not {code for code in found if code.startswith("document.")}


def test_an_error_that_the_template_cannot_reach_is_not_its_own() -> None:
    """A search reads no documents, though the classes stand in one module."""
    codes = {each.code for each in template_errors.template_errors(SEARCH)}
    assert "index.not_found" in codes
    assert not {code for code in codes if code.startswith("document.")}


def test_errors_that_every_template_may_have_stand_once() -> None:
    """The engine's own, among them the object that is not there."""
    codes = {each.code for each in template_errors.engine_errors()}
    assert {"object.not_found", "job.timeout", "job.too_many_artifacts", "template.unknown"} <= codes
    assert page().count("`object.not_found`") == 1
