"""What a report promises: everything is in it, nothing in it can act, and nothing is fetched from anywhere."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Literal
from uuid import UUID

import pytest

from jobforge.client import generate_manifest_report
from jobforge.contracts.jobs import JobError, RequestedBy
from jobforge.contracts.manifest import Artifact, Attempt, RunManifest, Timings, TraceReference
from jobforge.contracts.runs import Environment, ObjectRead

BOTH: tuple[Literal["markdown"], Literal["html"]] = ("markdown", "html")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> | `x` \n# not a heading [a](javascript:b)"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def manifest(**change: Any) -> RunManifest:
    known: dict[str, Any] = {
        "run_id": UUID(int=1),
        "tenant_id": "acme",
        "template_key": "settler.contract.process",
        "template_version": "1",
        "status": "complete",
        "requested_by": RequestedBy(actor_id="settler-service"),
        "inputs": {"contract_id": "c-1"},
        "objects_read": (ObjectRead(kind="contract", id="c-1", sha256="b" * 64),),
        "outputs": {
            "governing_law": HOSTILE,
            "parties": [{"name": "A Inc.", "role": "Shipper"}, {"name": "B Inc.", "role": None}],
            "clauses": {name: {"present": name == "insurance"} for name in ("insurance", "exclusivity", "non_compete")},
            "saved_ratio": 0.873,
            "empty": [],
        },
        "artifacts": (artifact("logo.png", "image/png", "https://plane/logo.png"), artifact("s.md", "text/markdown")),
        "attempts": (Attempt(number=1, worker="w", started_at=NOW, finished_at=NOW, outcome="succeeded"),),
        "timings": Timings(requested_at=NOW, queued_for=0.012, ran_for=125, finished_at=NOW),
        "metrics": {"pages": 12},
        "environment": Environment(service="settler", version="1", python="3.11", platform="Linux", host="h"),
        "tool_versions": {"pypdf": "6.0"},
        "trace": TraceReference(trace_id="trace_1_abc", otel_trace_id="0" * 32, url="http://jaeger/trace/0"),
    }
    return RunManifest(**{**known, **change}).sealed()


def artifact(name: str, media_type: str, url: str | None = None) -> Artifact:
    return Artifact(name=name, media_type=media_type, size=2048, sha256="a" * 64, location="x", url=url)


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_html_holds_everything_and_loads_nothing() -> None:
    """One page with pictures inside; no script, no stylesheet or picture from elsewhere."""
    text = generate_manifest_report(manifest(), format="html", artifact_bytes={"logo.png": PNG, "s.md": b"# Hi"})
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    pictures = [address for address in page.addresses if address.startswith("data:")]
    assert pictures == ["data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAAAAAAAAAAAAAAAAA=="]
    assert "&lt;script&gt;alert(1)" in text
    for word in ("Succeeded", "A Inc.", "Non compete", "87.3 %", "2 min 5 s", "12 ms", "pypdf", "# Hi", "trace_1_abc"):
        assert word.lower() in text.lower(), word
    assert "default-src 'none'" in text


def test_a_link_can_only_fetch() -> None:
    """An address with another scheme is shown as no link at all."""
    bad = (artifact("x", "text/plain", "javascript:alert(1)"), artifact("y", "text/plain", "//evil/y"))
    trace = TraceReference(trace_id="t", url="data:text/html,x")
    text = generate_manifest_report(manifest(artifacts=bad, trace=trace), format="html")
    assert Page(text).addresses == []


def test_only_pictures_become_pictures() -> None:
    """An SVG or HTML artifact is listed and never embedded."""
    svg = manifest(artifacts=(artifact("a.svg", "image/svg+xml"), artifact("a.html", "text/html")))
    text = generate_manifest_report(svg, format="html", artifact_bytes={"a.svg": b"<svg/>", "a.html": b"<b>"})
    assert "img" not in Page(text).tags
    assert "a.svg" in text


def test_markdown_tables_keep_their_shape() -> None:
    """Pipes, breaks and markup in values stay inside their cell."""
    text = generate_manifest_report(manifest())
    (row,) = [line for line in text.splitlines() if "Governing law" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert not re.search(r"(?<!\\)<script", text)
    assert r"\<script\>" in row
    assert "\n# not" not in text
    assert "| A Inc. | Shipper |" in text
    assert "| Insurance | yes |" in text


def test_what_is_left_out_is_left_out() -> None:
    """include_inputs, include_metrics and include_env each remove their part, in every format."""
    nothing: dict[str, Any] = {"include_inputs": False, "include_metrics": False, "include_env": False}
    for format_ in BOTH:
        text = generate_manifest_report(manifest(), format=format_, **nothing)
        assert not any(word in text for word in ("Contract ID", "Pages", "pypdf"))
    bare = json.loads(generate_manifest_report(manifest(), format="json", **nothing))
    whole = json.loads(generate_manifest_report(manifest(), format="json"))
    assert whole.keys() - bare.keys() == {"inputs", "metrics", "environment", "tool_versions"}
    assert bare["digest"] == whole["digest"] == manifest().digest


def test_a_failure_says_what_went_wrong() -> None:
    """The error's code and message lead; a canceled run says canceled."""
    error = JobError(code="settler.document_encrypted", message="The PDF is encrypted.")
    failed = manifest(status="failed", error=error, outputs=None, artifacts=())
    for format_ in BOTH:
        text = generate_manifest_report(failed, format=format_)
        assert "Failed" in text
        assert "document" in text
        assert "The PDF is encrypted." in text
    canceled = manifest(status="failed", error=JobError(code="job.canceled", message="Canceled."), outputs=None)
    assert "Canceled" in generate_manifest_report(canceled)


def test_a_run_known_only_by_its_failure_has_a_report() -> None:
    """Of an unreadable request there is no template, no input and no attempt."""
    bare = RunManifest(run_id=UUID(int=2), tenant_id="acme", status="pending")
    for format_ in (*BOTH, "json"):
        assert generate_manifest_report(bare, format=format_)


def test_a_manifest_as_json_is_as_good_as_the_model() -> None:
    """What an app stored can be reported on."""
    data = json.loads(manifest().model_dump_json())
    assert generate_manifest_report(data) == generate_manifest_report(manifest())
    with pytest.raises(ValueError, match="format must be one of"):
        generate_manifest_report(data, format="pdf")  # type: ignore[arg-type]  # the mistake under test
