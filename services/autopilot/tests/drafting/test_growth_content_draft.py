"""A draft says where its words come from, and who put them together."""

from typing import Any, cast, get_args

import pytest
from pydantic import ValidationError

from jobforge.autopilot.drafting.brief import NETWORK_LIMITS, Audience, Network, Tone
from jobforge.autopilot.drafting.failures import ModelNotConfigured, SourceTooLarge, SourceUnsupported
from jobforge.autopilot.drafting.knowledge import Knowledge
from jobforge.autopilot.drafting.model import Model, ModelSettings
from jobforge.autopilot.plane import PlaneSettings
from jobforge.autopilot.templates.growth_content_draft import Inputs, run
from jobforge.execution.errors import ObjectMissing
from jobforge.testkit.recording_job import RecordingJob

TONES, AUDIENCES = get_args(Tone), get_args(Audience)


async def test_a_blog_article_quotes_sentences_of_its_sources_word_for_word(draft: Any, guide: str) -> None:
    """Each statement about the topic is cited, and its quote stands in the source."""
    outputs = await draft(document_ids=["guide"])
    assert outputs.generator == "extractive"
    assert outputs.kind == "draft"
    assert len(outputs.sources) >= 4
    for number, source in enumerate(outputs.sources, 1):
        assert source.document_id == "guide"
        assert source.quote in " ".join(guide.replace("[manual](http://example.com/manual)", "manual").split())
        assert f"{source.quote} [{number}]" in outputs.body
    assert {check.status for check in outputs.checks} == {"pass"}


async def test_what_is_not_about_the_topic_is_left_out(draft: Any) -> None:
    """Whatever else a source tells."""
    assert "ananas" not in (await draft(document_ids=["guide"])).body


async def test_a_sentence_that_leans_on_the_one_before_is_not_lifted_out(draft: Any) -> None:
    """Alone, its "it" would mean something else."""
    assert "It uses" not in (await draft(document_ids=["guide"], topic="electricity of heat pumps")).body


async def test_a_draft_without_sources_is_an_outline_that_says_so(draft: Any) -> None:
    """Never an invented statement."""
    outputs = await draft()
    assert outputs.kind == "outline"
    assert outputs.sources == []
    assert "This is an outline, not a draft: no sources were given." in outputs.body
    assert [check.status for check in outputs.checks if check.name == "sources"] == ["warn"]


async def test_sources_about_something_else_give_an_outline_too(draft: Any) -> None:
    """And the outline says why."""
    outputs = await draft(topic="submarines", document_ids=["guide"])
    assert outputs.kind == "outline"
    assert "none of the sources says anything about the topic" in outputs.body


@pytest.mark.parametrize("format", ["blog", "email", "social"])
async def test_every_tone_and_audience_chooses_other_words(draft: Any, format: str) -> None:  # noqa: A002
    """No two of their bodies are alike, and each passes the checks."""
    bodies = set()
    for tone in TONES:
        for audience in AUDIENCES:
            draft.job.artifacts.clear()
            outputs = await draft(format=format, tone=tone, target_audience=audience, document_ids=["guide"])
            bodies.add(f"{outputs.title}\n{outputs.body}")
            assert {check.name: check.findings for check in outputs.checks if check.status != "pass"} == {}
    assert len(bodies) == len(TONES) * len(AUDIENCES)


async def test_an_audience_chooses_other_sentences(draft: Any) -> None:
    """Engineers are told how it measures, decision-makers what it saves."""
    first = {}
    for audience in ("technical", "executive"):
        draft.job.artifacts.clear()
        text = (
            "The heat pump protocol sets the pressure and load parameters of the system. "
            "A heat pump is a low risk investment with a good return on its cost."
        )
        outputs = await draft(target_audience=audience, source_texts=[{"document_id": "t", "text": text}])
        first[audience] = outputs.sources[0].quote
    assert "protocol" in first["technical"]
    assert "investment" in first["executive"]


async def test_each_network_gets_a_post_within_its_limit(draft: Any) -> None:
    """Plain text without citations, which the body has."""
    outputs = await draft(format="social", networks=list(get_args(Network)), document_ids=["guide"])
    assert [post.network for post in outputs.posts] == list(get_args(Network))
    for post in outputs.posts:
        assert 40 < post.characters <= NETWORK_LIMITS[post.network]
        assert "[1]" not in post.text
        assert post.text.endswith("#HeatPumps")
    assert "[1]" in outputs.body


async def test_an_email_has_greeting_points_request_and_sign_off(draft: Any) -> None:
    """In this order, and as long as was asked."""
    outputs = await draft(format="email", tone="formal", document_ids=["guide"], max_words=100)
    places = [outputs.body.index(part) for part in ("Dear Sir", "- ", "It is suggested", "Yours faithfully")]
    assert places == sorted(places)
    assert outputs.checks[0].status == "pass"


async def test_a_sentence_with_a_banned_word_is_not_chosen(draft: Any) -> None:
    """Another one is."""
    outputs = await draft(document_ids=["guide"], banned_words=["Oil  boilers", "potassium"])
    assert "oil boilers" not in outputs.body
    assert outputs.kind == "draft"
    assert outputs.checks[-1].status == "pass"


async def test_a_banned_word_of_the_topic_fails_its_check(draft: Any) -> None:
    """The draft is there, and says that it needs an editor."""
    outputs = await draft(document_ids=["guide"], banned_words=["heat pumps"])
    assert (outputs.checks[-1].name, outputs.checks[-1].status) == ("banned_words", "fail")


async def test_both_pages_are_artifacts_and_html_of_sources_is_text(draft: Any) -> None:
    """No script runs, no picture is fetched, no address but of the web is a link."""
    hostile = (
        "A heat pump <img src=x onerror=alert(1)> is quiet and small enough for a flat. "
        "A heat pump [is cheap](javascript:alert(2)) when the roof `<script>alert(3)</script>` makes the power."
    )
    outputs = await draft(topic="heat pumps <script>", source_texts=[{"document_id": "h", "text": hostile}])
    markdown, html = (draft.job.artifacts[name] for name in ("draft.md", "draft.html"))
    assert (markdown[1], html[1]) == ("text/markdown; charset=utf-8", "text/html; charset=utf-8")
    assert outputs.sources[0].quote.encode() in markdown[0].replace(b"\\", b"")
    page = html[0].decode()
    for forbidden in ("<script", "<img", "href"):
        assert forbidden not in page
    assert "&lt;script&gt;alert(3)" in page


async def test_readability_is_measured_in_a_real_child(guide: str) -> None:
    """What goes to the child and comes back pickles."""
    job = RecordingJob(objects={("document", "guide"): guide.encode()})
    given = Inputs(topic="heat pumps", format="blog", document_ids=("guide",))
    outputs = await run(given, job, knowledge=Knowledge(PlaneSettings()), model=Model(ModelSettings()))
    measured = outputs.readability
    assert measured.sentences >= 5
    assert 40 < cast(float, measured.flesch_reading_ease) < 100
    assert 2 < cast(float, measured.flesch_kincaid_grade) < 12
    assert job.metrics["words"] == measured.words > 60
    assert set(job.tool_versions) == {"textstat", "markdown-it-py"}


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"format": "letter"}, "format"),
        ({"tone": "sarcastic"}, "tone"),
        ({"target_audience": "martians"}, "target_audience"),
        ({"topic": "two\nlines"}, "topic"),
        ({"topic": "?!"}, "topic"),
        ({"networks": ["x"]}, "networks"),
        ({"format": "social", "networks": ["x", "x"]}, "networks"),
        ({"format": "social", "max_words": 100}, "max_words"),
        ({"max_words": 5}, "max_words"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(inputs: dict[str, Any], named: str) -> None:
    """Before anything runs."""
    with pytest.raises(ValidationError, match=named):
        Inputs.model_validate({"topic": "heat pumps", "format": "blog", **inputs})


@pytest.mark.parametrize("data", [b"%PDF-1.7 ...", b"\xff\xfe\x00", b"PK\x03\x04\x00", b"<!DOCTYPE html><p>x"])
async def test_a_document_that_is_no_text_is_refused_with_what_to_do(draft: Any, data: bytes) -> None:
    """Other kinds are read by way of an index."""
    draft.job.objects[("document", "other")] = data
    with pytest.raises(SourceUnsupported, match="knowledge_index"):
        await draft(document_ids=["other"])


async def test_a_document_that_is_missing_or_too_large_is_named(draft: Any) -> None:
    """With the limit."""
    draft.job.objects[("document", "big")] = b"a" * (1024 * 1024 + 1)
    with pytest.raises(SourceTooLarge, match="1048576"):
        await draft(document_ids=["big"])
    draft.job.objects |= {("document", f"d{number}"): b"a" * 1024 * 1024 for number in range(5)}
    with pytest.raises(SourceTooLarge, match="together"):
        await draft(document_ids=[f"d{number}" for number in range(5)])
    with pytest.raises(ObjectMissing):
        await draft(document_ids=["nowhere"])


async def test_asking_for_a_model_where_there_is_none_is_refused(draft: Any) -> None:
    """Nobody gets an extract in its place."""
    with pytest.raises(ModelNotConfigured, match="JOBFORGE_LLM_URL"):
        await draft(writer="model", document_ids=["guide"])
