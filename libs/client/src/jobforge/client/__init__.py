"""The Python client of JobForge.

Every failure is a ``JobForgeError`` with ``code`` (stable), ``status``, ``message`` and ``problem``:
``JobForgeInvalid`` (400, 413, 422), ``JobForgeDenied`` (401, 403) and below it ``JobForgeDisabled`` (a flag or a
template is off), ``JobForgeNotFound`` (404), ``JobForgeConflict`` (409), ``JobForgeQuotaExceeded`` (429),
``JobForgeUnavailable`` (503, or nothing there), ``JobForgeTimeout`` (no answer, or a run not ended, in time) and
``JobForgeUnexpectedAnswer`` (what answered is not JobForge).
"""

from jobforge.client.answers import (
    CancelReceipt,
    EventOutcome,
    EventPage,
    ObjectReceipt,
    RunPage,
    TemplateInfo,
    TraceEntry,
    TraceStory,
    TriggerInfo,
)
from jobforge.client.asynchronous import AsyncJobForgeClient
from jobforge.client.availability import get_feature_flag_summary, is_event_ingestion_available, is_template_enabled
from jobforge.client.blocking import JobForgeClient
from jobforge.client.errors import (
    JobForgeConflict,
    JobForgeDenied,
    JobForgeDisabled,
    JobForgeError,
    JobForgeInvalid,
    JobForgeNotFound,
    JobForgeQuotaExceeded,
    JobForgeTimeout,
    JobForgeUnavailable,
    JobForgeUnexpectedAnswer,
)
from jobforge.client.reports import generate_manifest_report
from jobforge.client.trace_ids import generate_trace_id

__all__ = [
    "AsyncJobForgeClient",
    "CancelReceipt",
    "EventOutcome",
    "EventPage",
    "JobForgeClient",
    "JobForgeConflict",
    "JobForgeDenied",
    "JobForgeDisabled",
    "JobForgeError",
    "JobForgeInvalid",
    "JobForgeNotFound",
    "JobForgeQuotaExceeded",
    "JobForgeTimeout",
    "JobForgeUnavailable",
    "JobForgeUnexpectedAnswer",
    "ObjectReceipt",
    "RunPage",
    "TemplateInfo",
    "TraceEntry",
    "TraceStory",
    "TriggerInfo",
    "generate_manifest_report",
    "generate_trace_id",
    "get_feature_flag_summary",
    "is_event_ingestion_available",
    "is_template_enabled",
]
