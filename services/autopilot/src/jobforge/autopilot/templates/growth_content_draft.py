"""Drafts a blog article, an e-mail or social posts on a topic, from sources that it quotes."""

from collections import Counter
from datetime import timedelta
from importlib.metadata import version
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from jobforge.autopilot.drafting.brief import MAX_WORDS, Audience, Brief, Format, Network, Source, Tone
from jobforge.autopilot.drafting.checks import Status
from jobforge.autopilot.drafting.finishing import Finished, extracted, of_answer
from jobforge.autopilot.drafting.gathering import documents
from jobforge.autopilot.drafting.knowledge import Knowledge
from jobforge.autopilot.drafting.model import Model
from jobforge.autopilot.drafting.prompt import messages, within
from jobforge.contracts.base import ObjectId, StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template

_EXPECTED = 4_000
"""Characters of a common answer, for the progress alone."""


def _one_line(text: str) -> str:
    if not text.isprintable() or not any(map(str.isalnum, text)):
        raise ValueError("one line with letters or digits, without control characters")
    return text


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_one_line)]


class SourceText(StrictInput):
    """A text to quote, under a name of the app's own."""

    document_id: ObjectId
    text: str = Field(min_length=1, max_length=100_000, description="Plain text or Markdown.")


class Inputs(StrictInput):
    """What to write about, how, for whom, and out of what."""

    topic: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=150), AfterValidator(_one_line)
    ]
    format: Format
    tone: Tone = "professional"
    target_audience: Audience = "general"
    knowledge_index: ObjectId | None = Field(
        default=None, description="The tenant's index to quote from; searched with the topic."
    )
    passages: int = Field(default=10, ge=1, le=50, description="Passages of the index at most.")
    document_ids: tuple[ObjectId, ...] = Field(
        default=(), max_length=20, description="Uploaded objects of the kind `document`: plain text or Markdown."
    )
    source_texts: tuple[SourceText, ...] = Field(default=(), max_length=20)
    networks: tuple[Network, ...] = Field(
        default=(), max_length=7, description="Who gets a social post; x and linkedin unless given."
    )
    max_words: int | None = Field(
        default=None, ge=100, le=2_000, description="Of a blog article (700 unless given) or an e-mail (200)."
    )
    banned_words: tuple[Words, ...] = Field(default=(), max_length=100)
    writer: Literal["auto", "extractive", "model"] = Field(
        default="auto", description="auto is the model if the service has one, else extractive."
    )

    @model_validator(mode="after")
    def _nothing_ignored(self) -> Self:
        if self.networks and self.format != "social":
            raise ValueError("networks: only social posts have networks; leave it out")
        if self.max_words and self.format == "social":
            raise ValueError("max_words: a social post has the limit of its network; leave it out")
        if [each for each, often in Counter(self.networks).items() if often > 1]:
            raise ValueError("networks: each may be named once")
        return self

    def brief(self) -> Brief:
        """The same as the writers take it."""
        networks: tuple[Network, ...] = (self.networks or ("x", "linkedin")) if self.format == "social" else ()
        words = self.max_words or MAX_WORDS.get(self.format, 0)
        return Brief(self.topic, self.format, self.tone, self.target_audience, networks, words, self.banned_words)


class Quoted(BaseModel):
    """A source as the draft cites it: the n-th of the list is `[n]` in the body."""

    document_id: str
    quote: str = Field(description="Word for word.")


class Post(BaseModel):
    """A social post as plain text, ready to paste."""

    network: Network
    text: str
    characters: int = Field(description="As the network counts them.")


class Measures(BaseModel):
    """How hard the body is to read, in English; null without words."""

    words: int
    sentences: int
    flesch_reading_ease: float | None
    flesch_kincaid_grade: float | None
    gunning_fog: float | None
    reading_minutes: float


class Checked(BaseModel):
    """One check of the draft."""

    name: Literal["length", "sources", "unsourced_claims", "cited_figures", "links", "banned_words"]
    status: Status
    message: str
    findings: list[str]


class Outputs(BaseModel):
    """The draft, who wrote it, what it rests on, and what an editor should look at."""

    title: str
    body: str = Field(description="Markdown.")
    kind: Literal["draft", "outline"] = Field(description="An outline states nothing: no source was about the topic.")
    sources: list[Quoted]
    posts: list[Post]
    readability: Measures
    generator: str = Field(description="`extractive`, or `model:` and the model's name.")
    checks: list[Checked]


@template("autopilot.growth.content_draft", scopes={"autopilot:write"}, timeout=timedelta(minutes=5), attempts=4)
async def run(inputs: Inputs, job: Job, *, knowledge: Knowledge, model: Model) -> Outputs:
    """Draft content on a topic in the words of a tone and for an audience, with each statement's source quoted.

    A model writes it if the service has one; else sentences of the sources are put together, word for word.
    """
    brief, sources = inputs.brief(), [Source(each.document_id, each.text) for each in inputs.source_texts]
    sources += await documents(job, inputs.document_ids)
    if inputs.knowledge_index is not None:
        await job.progress(0.1, "searching the knowledge index")
        sources += await knowledge.passages(job, inputs.knowledge_index, inputs.topic, inputs.passages)
    await job.progress(0.3, "writing")
    if inputs.writer == "model" or (inputs.writer == "auto" and model.configured):
        finished = await _by_model(job, model, brief, sources)
    else:
        finished = await job.in_process(extracted, brief, sources)
    await job.write_artifact("draft.md", finished.markdown, "text/markdown; charset=utf-8")
    await job.write_artifact("draft.html", finished.html, "text/html; charset=utf-8")
    for name in ("textstat", "markdown-it-py"):
        job.used_tool(name, version(name))
    job.measure("sources_given", len(sources))
    job.measure("sources_quoted", len(finished.draft.quotes))
    job.measure("words", finished.readability.words)
    return _outputs(finished)


async def _by_model(job: Job, model: Model, brief: Brief, sources: list[Source]) -> Finished:
    shown = within(sources)

    async def heard(characters: int) -> None:
        await job.progress(0.3 + 0.6 * min(characters / _EXPECTED, 1), f"{characters} characters written")

    answer = await model.answer(messages(brief, shown), heard)
    if answer.usage is not None:
        job.measure("prompt_tokens", answer.usage.prompt_tokens)
        job.measure("completion_tokens", answer.usage.completion_tokens)
        job.measure("cost", model.cost(answer.usage))
    return await job.in_process(of_answer, answer.text, model.name, brief, shown)


def _outputs(finished: Finished) -> Outputs:
    draft = finished.draft
    return Outputs(
        title=draft.title,
        body=draft.body,
        kind="outline" if draft.outline else "draft",
        sources=[Quoted(document_id=quote.document_id, quote=quote.quote) for quote in draft.quotes],
        posts=[Post(network=post.network, text=post.text, characters=post.length) for post in draft.posts],
        readability=Measures.model_validate(finished.readability, from_attributes=True),
        generator=finished.generator,
        checks=[
            Checked(name=each.name, status=each.status, message=each.message, findings=list(each.findings))
            for each in finished.checks
        ],
    )
