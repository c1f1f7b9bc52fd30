"""The Python client of JobForge."""

from jobforge.client.reports import generate_manifest_report
from jobforge.client.trace_ids import generate_trace_id

__all__ = ["generate_manifest_report", "generate_trace_id"]
