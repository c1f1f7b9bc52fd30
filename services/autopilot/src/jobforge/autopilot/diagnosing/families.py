"""What the codes of errors mean: whose fault it is, and what mends it. The engine's by name, others by their ending."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobforge.autopilot.diagnosing.results import Category, Confidence


@dataclass(frozen=True, slots=True)
class Family:
    """What errors of a kind have in common."""

    category: Category
    explanation: str
    remedy: str


_AGAIN = "request it again under a new idempotency key (the old one names this run)"
_MISSING = Family(
    "request",
    "The request names something that is not there.",
    f"Correct the name or upload what it names, then {_AGAIN}.",
)
_WRONG = Family("request", "The request asks for what cannot be done.", f"Correct the inputs, then {_AGAIN}.")
_SETUP = Family(
    "setup",
    "The service is not set up for this.",
    f"Have whoever runs the service set what the message names (its README lists the variables), then {_AGAIN}.",
)
_INPUT = Family("input", "What was to be worked on cannot be used.", f"Replace or repair it, then {_AGAIN}.")
_LIMIT = Family(
    "limits", "The work is larger than a limit allows.", f"Give less or smaller work at a time, then {_AGAIN}."
)
_AWAY = Family(
    "far_side",
    "Something that the run depends on was away, slow or busy.",
    "Check that what the message names is up and can be reached from the service, then run it again.",
)
_REFUSES = Family(
    "far_side",
    "Something that the run depends on answered, but refused or could not be used.",
    f"Look at what the message quotes: its address, credentials or answer. Mend that, then {_AGAIN}.",
)
_DEFECT = Family(
    "defect",
    "The template itself went wrong: an error that it does not foresee.",
    "Report it to whoever keeps the template, with the run's id; the service's log holds the traceback.",
)
_CRASH = Family(
    "crash",
    "The process that did the work died.",
    "Look for a kill for want of memory or a crash in the service's log; give it more memory or smaller work.",
)
_PLANE = Family(
    "plane", "The plane did not do its part.", "Have the operator run `jobforge doctor`, then run it again."
)
_OTHER = Family(
    "another_run", "It waited for another run, and that failed.", "Diagnose the run that the message names."
)
UNKNOWN = Family(
    "unknown",
    "No rule knows this code.",
    "Read the message, and look the code up in the README of the template's service and in docs/templates.md.",
)

NAMED: Mapping[str, Family] = {
    "artifacts.unavailable": Family(
        "plane",
        "The artifact store could not be reached, or had no room.",
        "Check JOBFORGE_ARTIFACTS_URL and the store's free space, then run it again.",
    ),
    "job.canceled": Family("canceled", "Somebody asked to cancel the run.", f"If it was a mistake, {_AGAIN}."),
    "job.effect_in_dry_run": _DEFECT,
    "job.expired": Family(
        "deadline",
        "No attempt began within the request's start_within.",
        "Check that the template's service runs and keeps up, or give a longer start_within.",
    ),
    "job.invalid_inputs": Family(
        "request",
        "The inputs do not fit the template that the worker runs.",
        f"Correct the field that the message names (GET /v1/templates shows the schema), then {_AGAIN}.",
    ),
    "job.invalid_outputs": _DEFECT,
    "job.lost": Family(
        "plane",
        "No worker began the run, or its next attempt: its request was put back in vain, or the log lost it.",
        "Check that the template's service runs and is ready (GET /readyz), then request it again.",
    ),
    "job.process_died": _CRASH,
    "job.raised": _DEFECT,
    "job.timeout": Family(
        "deadline",
        "An attempt took longer than its template allows.",
        f"Give less work at a time, or have the template's timeout raised, then {_AGAIN}.",
    ),
    "job.too_many_artifacts": _LIMIT,
    "job.too_much_to_tell": _LIMIT,
    "job.unreadable": Family(
        "request", "The record of the request cannot be read.", "Request it through the door, which checks it."
    ),
    "job.worker_lost": Family(
        "crash",
        "The work ends the process that does it, each time.",
        "Do not repeat it unchanged: find what in the input needs so much memory or crashes what reads it.",
    ),
    "knowledge.refused": _SETUP,
    "knowledge.search_failed": _OTHER,
    "model.empty": _REFUSES,
    "object.not_found": Family(
        "request",
        "The object that an input names was not uploaded for this tenant.",
        f"Upload it (`jobforge put KIND ID FILE`), then {_AGAIN}.",
    ),
    "plane.refused": _SETUP,
    "plane.unavailable": _PLANE,
    "run.not_ended": Family(
        "request",
        "It needs the end of a run that was still going on.",
        f"Wait for that run (`jobforge watch RUN`), then {_AGAIN}.",
    ),
    "template.unknown": Family(
        "setup",
        "The worker does not have the template.",
        "Bring the template's service to the version that announces it, then request it again.",
    ),
}
ENDINGS: Mapping[str, Family] = {
    **dict.fromkeys(("target_refused", "not_allowed", "not_configured", "_off"), _SETUP),
    **dict.fromkeys(("not_found", "missing", "not_archived"), _MISSING),
    **dict.fromkeys(("unknown", "mismatch", "absurd", "not_supported", "url_refused"), _WRONG),
    **dict.fromkeys(
        (
            "empty",
            "no_text",
            "unsupported_type",
            "unreadable",
            "encrypted",
            "animated",
            "xml_entities",
            "not_encodable",
        ),
        _INPUT,
    ),
    **dict.fromkeys(("cut_off", "too_large", "too_costly", "full", "too_many"), _LIMIT),
    **dict.fromkeys(
        ("unavailable", "unreachable", "unresolvable", "unresolved", "timeout", "overloaded", "busy", "away"), _AWAY
    ),
    **dict.fromkeys(("deferred", "behind", "moving"), _AWAY),
    **dict.fromkeys(("refused", "rejected", "untrusted", "unusable", "misbehaves", "tls_failed"), _REFUSES),
}


def family_of(code: str) -> tuple[Family, Confidence]:
    """What a code means, and how surely: ``certain`` by its name, ``likely`` by its ending, else unknown."""
    if code in NAMED:
        return NAMED[code], "certain"
    _, _, what = code.rpartition(".")
    fitting = (ending for ending in ENDINGS if what == ending.lstrip("_") or what.endswith("_" + ending.lstrip("_")))
    ending = max(fitting, key=len, default=None)
    return (UNKNOWN, "possible") if ending is None else (ENDINGS[ending], "likely")
