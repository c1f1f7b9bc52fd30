"""Which templates may be requested now, and whether inputs fit them."""

from collections import OrderedDict
from typing import Any, Protocol

import jsonschema_rs

from jobforge.chassis.logs import get_logger
from jobforge.contracts.base import JsonObject
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.jobs import JobSubmission
from jobforge.contracts.problem import FieldProblem
from jobforge.ingestion.refusal import Refusal, invalid, pointer

EVENTS = "JOBFORGE_EVENTS_ENABLED"
AUTOPILOT = "JOBFORGE_AUTOPILOT_JOBS_ENABLED"
ACTIONS = "JOBFORGE_ACTION_JOBS_ENABLED"
POLICY_TOKENS = "JOBFORGE_REQUIRE_POLICY_TOKENS"
APPS_FILE = "infra/kafka/apps.yaml"
_VALIDATORS = 256
"""Compiled schemas that are kept."""
_SHOWN = 50

log = get_logger()


class Control(Protocol):
    """What the plane says of templates, flags and apps."""

    @property
    def templates(self) -> Any:
        """Announced templates by key."""
        ...

    @property
    def apps(self) -> frozenset[str]:
        """Known apps."""
        ...

    def flag(self, name: str) -> bool:
        """Whether a flag is on."""
        ...

    def template_enabled(self, template_key: str) -> bool:
        """Whether a template is on."""
        ...


class Catalog:
    """Answers from the control state alone; schemas are compiled once for each announcement."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._validators: OrderedDict[tuple[str, str], tuple[JsonObject, Any]] = OrderedDict()

    def check_events_open(self) -> None:
        """Raises ``Refusal`` while events are not taken."""
        if not self._control.flag(EVENTS):
            raise Refusal(403, "feature.disabled", f"Event ingestion is disabled ({EVENTS})")

    def check_app(self, source_app: str, *, trace_id: str | None) -> None:
        """Raises ``Refusal`` for an app that the plane has no topics for."""
        if source_app not in self._control.apps:
            raise invalid(
                "/source_app",
                "source_app.unknown",
                f"no such app is known: add it to {APPS_FILE} and apply the topics again",
                trace_id=trace_id,
            )

    def check_job(self, submission: JobSubmission) -> TemplateAnnounced:
        """The template a request names; raises ``Refusal`` unless it may be requested with these inputs."""
        template = self._open_template(submission)
        problems = self._input_problems(template, submission.inputs)
        if problems:
            shown = "; ".join(f"{problem.pointer}: {problem.message}" for problem in problems[:5])
            raise Refusal(422, "request.invalid", shown, errors=problems, trace_id=submission.trace_id)
        return template

    def _open_template(self, submission: JobSubmission) -> TemplateAnnounced:
        key, trace_id = submission.template_key, submission.trace_id
        template: TemplateAnnounced | None = self._control.templates.get(key)
        if template is None:
            raise Refusal(
                404, "template.unknown", f"Template is unknown: {key} (GET /v1/templates lists them)", trace_id=trace_id
            )
        if key.startswith("autopilot.") and not self._control.flag(AUTOPILOT):
            raise Refusal(403, "feature.disabled", f"Autopilot jobs are disabled ({AUTOPILOT})", trace_id=trace_id)
        if template.effects == "keyed" and not self._control.flag(ACTIONS):
            raise Refusal(403, "feature.disabled", f"Action jobs are disabled ({ACTIONS})", trace_id=trace_id)
        if not self._control.template_enabled(key):
            raise Refusal(403, "template.disabled", f"Template is disabled: {key}", trace_id=trace_id)
        if template.effects == "keyed" and self._control.flag(POLICY_TOKENS):
            raise _token_refusal(submission, template)
        return template

    def _input_problems(self, template: TemplateAnnounced, inputs: JsonObject) -> tuple[FieldProblem, ...]:
        validator = self._validator(template)
        if validator.is_valid(inputs):  # cheaper than an empty list of errors
            return ()
        problems: list[FieldProblem] = []
        for error in validator.iter_errors(inputs):
            problems.extend(_input_problem(error))
            if len(problems) >= _SHOWN:
                break
        return tuple(problems[:_SHOWN])

    def _validator(self, template: TemplateAnnounced) -> Any:
        known = self._validators.get((template.template_key, template.version))
        if known is not None and known[0] is template.input_schema:
            return known[1]
        try:
            validator = jsonschema_rs.validator_for(template.input_schema, mask="the value")
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            # The worker validates again, so a schema that only its own model understands is no reason to refuse.
            log.warning("template.schema_unusable", template_key=template.template_key, error=str(error)[:200])
            validator = jsonschema_rs.validator_for(True)
        self._validators[template.template_key, template.version] = (template.input_schema, validator)
        if len(self._validators) > _VALIDATORS:
            self._validators.popitem(last=False)
        return validator


def _token_refusal(submission: JobSubmission, template: TemplateAnnounced) -> Refusal:
    wanted = ", ".join(template.scopes) or "the template's scopes"
    if submission.policy_token is None:
        return Refusal(
            403,
            "policy_token.missing",
            f"{template.template_key} acts on the world and needs a policy_token with the scopes {wanted} "
            f"({POLICY_TOKENS} is on)",
            trace_id=submission.trace_id,
        )
    return Refusal(
        403,
        "policy_token.unsupported",
        f"{template.template_key} needs its policy_token checked, which this version of JobForge cannot do yet: "
        f"switch {POLICY_TOKENS} off to allow it without",
        trace_id=submission.trace_id,
    )


def _input_problem(error: Any) -> list[FieldProblem]:
    path = ("inputs", *error.instance_path)
    code = error.kind.name
    if code == "required":
        return [FieldProblem(pointer=pointer(*path, error.kind.property), code=code, message="this field is required")]
    if code == "additionalProperties":
        return [
            FieldProblem(pointer=pointer(*path, name), code=code, message="this field is not known here")
            for name in error.kind.unexpected
        ]
    return [FieldProblem(pointer=pointer(*path), code=code, message=error.message)]
