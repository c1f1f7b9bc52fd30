"""What a child process makes of a writer's draft: its checks, its readability and its pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobforge.autopilot.drafting.brief import Brief, Draft, Source
from jobforge.autopilot.drafting.checks import Check, checked
from jobforge.autopilot.drafting.citing import uncited
from jobforge.autopilot.drafting.extractive import NAME, write
from jobforge.autopilot.drafting.markdown import document, page, plain
from jobforge.autopilot.drafting.prompt import read
from jobforge.autopilot.drafting.readability import Readability, readability


@dataclass(frozen=True, slots=True)
class Finished:
    """A draft with everything that is said about it."""

    draft: Draft
    generator: str
    readability: Readability
    checks: tuple[Check, ...]
    markdown: str
    html: str


def extracted(brief: Brief, sources: Sequence[Source]) -> Finished:
    """A draft of the sources' own sentences."""
    return _finished(write(brief, sources), NAME, brief, sources)


def of_answer(answer: str, model: str, brief: Brief, sources: Sequence[Source]) -> Finished:
    """A model's answer as a draft; raises ``ModelEmpty``, ``ModelRefused`` or ``ModelUnusable``."""
    return _finished(read(answer, brief, sources), model, brief, sources)


def _finished(draft: Draft, generator: str, brief: Brief, sources: Sequence[Source]) -> Finished:
    text = document(draft)
    return Finished(
        draft,
        generator,
        readability(plain(uncited(draft.body))),
        checked(draft, brief, sources),
        text,
        page(text, title=draft.title, generator=generator),
    )
