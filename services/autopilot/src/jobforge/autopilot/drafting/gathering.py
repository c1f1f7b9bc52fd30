"""Gathers what a draft may quote: given texts, uploaded documents, and passages of a knowledge index."""

from collections.abc import Sequence

from jobforge.autopilot.drafting.brief import Source
from jobforge.autopilot.drafting.failures import SourceTooLarge, SourceUnsupported
from jobforge.execution.job import Job

MOST_BYTES = 1024 * 1024
"""Of one document that is read as a whole."""
MOST_TOGETHER = 4 * MOST_BYTES
"""Of all of them."""
_REMEDY = "index with aias.knowledge.index and give knowledge_index"


async def documents(job: Job, document_ids: Sequence[str]) -> tuple[Source, ...]:
    """Uploaded documents of plain text or Markdown. Raises ``ObjectMissing`` or one of ``failures.Source...``."""
    found, left = list[Source](), MOST_TOGETHER
    for document_id in document_ids:
        data = (await job.read_object("document", document_id)).data
        left -= len(data)
        if left < 0:
            raise SourceTooLarge(f"document_ids: together they have more than {MOST_TOGETHER} bytes; {_REMEDY}")
        found.append(_text(document_id, data))
    return tuple(found)


def _text(document_id: str, data: bytes) -> Source:
    if len(data) > MOST_BYTES:
        raise SourceTooLarge(
            f"document_ids: {document_id} has {len(data)} bytes, and a source at most {MOST_BYTES}; {_REMEDY}"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or text.lstrip()[:9].lower().startswith(("%pdf", "<!doctype", "<html")):
        raise SourceUnsupported(f"document_ids: {document_id} is no plain text or Markdown in UTF-8; {_REMEDY}")
    return Source(document_id, text)
