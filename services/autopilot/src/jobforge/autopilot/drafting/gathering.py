"""Gathers what a draft may quote: given texts, uploaded documents, and passages of a knowledge index."""

from collections.abc import Sequence

from jobforge.autopilot.drafting.brief import Source
from jobforge.autopilot.drafting.failures import SourceTooLarge, SourceUnsupported
from jobforge.execution.job import Job

MOST_BYTES = 1024 * 1024
"""Of one document that is read as a whole."""


async def documents(job: Job, document_ids: Sequence[str]) -> tuple[Source, ...]:
    """Uploaded documents of plain text or Markdown. Raises ``ObjectMissing`` or one of ``failures.Source...``."""
    return tuple([_text(each, (await job.read_object("document", each)).data) for each in document_ids])


def _text(document_id: str, data: bytes) -> Source:
    remedy = "index it with aias.knowledge.index and give knowledge_index"
    if len(data) > MOST_BYTES:
        raise SourceTooLarge(
            f"document_ids: {document_id} has {len(data)} bytes, and a source at most {MOST_BYTES}; {remedy}"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or text.lstrip()[:9].lower().startswith(("%pdf", "<!doctype", "<html")):
        raise SourceUnsupported(f"document_ids: {document_id} is no plain text or Markdown in UTF-8; {remedy}")
    return Source(document_id, text)
