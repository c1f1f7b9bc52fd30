"""What the demonstration and the doctor promise."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from jobforge.cli import spans
from jobforge.cli.app import app
from jobforge.cli.demo_story import KNOWLEDGE_INDEX, KNOWLEDGE_SEARCH, READYLAYER, SETTLER, playable, story
from jobforge.cli.doctor import possible_ways
from jobforge.cli.machine_checks import Check
from jobforge.contracts.identity import otel_trace_id
from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane, Result, serving

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlane]:
    with fake_plane() as plane:
        monkeypatch.setenv("JOBFORGE_URL", plane.url)
        monkeypatch.delenv("JOBFORGE_QUERY_URL", raising=False)
        monkeypatch.setenv("COLUMNS", "200")
        plane.results[SETTLER.template_key] = Result(
            outputs={"title": "Agreement"}, artifacts={"summary.md": ("text/markdown", b"# Summary")}
        )
        plane.results[READYLAYER.template_key] = Result(artifacts={"photo-320.webp": ("image/webp", b"RIFF")})
        yield plane


def span(name: str, parent: str = "") -> dict[str, str]:
    return {"spanId": name, "parentSpanId": parent}


def document(**by_service: list[dict[str, str]]) -> dict[str, Any]:
    resources = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": f"jobforge-{service}"}}]},
            "scopeSpans": [{"spans": found}],
        }
        for service, found in by_service.items()
    ]
    return {"result": {"resourceSpans": resources}}


def test_the_demo_writes_everything_into_the_folder_it_names(
    plane: FakePlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both apps' manifest, reports, artifacts and trace; the guide's two events and requests under one trace an app."""
    asked: list[str] = []

    async def trace(request: Request) -> Response:
        asked.append(request.path_params["id"])
        if len(asked) == 1:
            return JSONResponse({}, 404)
        app = "settler" if asked.count(request.path_params["id"]) == 2 else "readylayer"
        spans_of = {app: [span("b", "a")], "manifest": [span("c", "b")]}
        return JSONResponse(document(ingestion=[span("a")], **spans_of))

    with serving(Starlette(routes=[Route("/api/v3/traces/{id}", trace)])) as jaeger:
        monkeypatch.setenv("JOBFORGE_JAEGER_URL", jaeger)
        result = CliRunner().invoke(app, ["demo", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    common = {f"{step.name}/{name}" for step in (SETTLER, READYLAYER) for name in FILES}
    assert files == common | {"index.html", "settler/artifacts/summary.md", "readylayer/artifacts/photo-320.webp"}
    stated = [event.event_type for step in (SETTLER, READYLAYER) for event in step.events]
    assert [event["event_type"] for event in plane.events.values()] == stated
    traces = [event["trace_id"] for event in plane.events.values()]
    assert traces == [job.trace_id for job in plane.jobs.values()]
    assert asked[0] == f"{otel_trace_id(traces[0]):032x}"
    assert str(tmp_path) in result.stdout
    assert "3 spans of 3 services" in result.stdout
    assert plane.objects["demo", "contract", "demo-contract"][1].startswith(b"%PDF")
    assert plane.objects["demo", "asset", "demo-photograph"][1].startswith(b"\x89PNG")
    assert "data:image/webp" in (tmp_path / "readylayer/report.html").read_text()


FILES = ("manifest.json", "report.md", "report.html", "trace.json")


def test_the_demos_index_page_shows_results_and_pictures_and_links_every_file(
    plane: FakePlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also pages among the artifacts; what a job wrote into its outputs is text there; what is left out is named."""
    monkeypatch.setenv("JOBFORGE_JAEGER_URL", NOWHERE)
    pages = {"page one.html": ("text/html", b"<!doctype html><p>"), "piece.html": ("text/html", b"<p>to paste")}
    plane.results[SETTLER.template_key] = Result(outputs={"title": "<b>Lease</b>"}, artifacts=pages)
    result = CliRunner().invoke(app, ["demo", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "index.html").read_text()
    assert "&lt;b&gt;Lease&lt;/b&gt;" in page
    assert '<img alt="photo-320.webp" src="readylayer/artifacts/photo-320.webp">' in page
    assert '<iframe sandbox title="page one.html" src="settler/artifacts/page%20one.html">' in page
    assert page.count("<iframe") == 1, "a piece of a page is linked, not shown"
    linked = {unquote(address) for address in re.findall(r'<a href="([^":]+)"', page)}
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert linked == written - {"index.html"}
    assert "autopilot.ops.scan" in page.partition("Left out")[2]


def test_a_step_is_played_after_the_one_it_needs(
    plane: FakePlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search is requested when indexing has ended, though others run meanwhile."""
    monkeypatch.setenv("JOBFORGE_JAEGER_URL", NOWHERE)
    plane.results[KNOWLEDGE_INDEX.template_key] = plane.results[KNOWLEDGE_SEARCH.template_key] = Result()
    result = CliRunner().invoke(app, ["demo", "--output", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    assert [each["step"] for each in json.loads(result.stdout)] == [
        "settler",
        "readylayer",
        "aias-index",
        "aias-search",
    ]
    ended = {job.template_key: job for job in plane.jobs.values()}
    indexed, searched = ended[KNOWLEDGE_INDEX.template_key], ended[KNOWLEDGE_SEARCH.template_key]
    assert indexed.finished_at is not None
    assert searched.created_at is not None
    assert searched.created_at >= indexed.finished_at


def test_a_step_without_its_template_or_without_the_step_before_it_is_left_out() -> None:
    """A draft needs the index that it quotes from."""
    steps = story(datetime(2026, 11, 25, 12, tzinfo=UTC))
    everything = {step.template_key for step in steps}
    assert playable(steps, everything) == steps
    lacking = playable(steps, everything - {KNOWLEDGE_INDEX.template_key})
    assert [step.name for step in lacking] == ["settler", "readylayer", "keys", "verification"]


def test_the_demos_usage_lies_in_the_day_that_it_asks_for() -> None:
    """Also when it is played just after midnight."""
    usage = next(step for step in story(datetime(2026, 11, 25, 0, 1, tzinfo=UTC)) if step.name == "keys")
    assert usage.inputs["period"] == "2026-11-24"
    assert {event.occurred_at.date() for event in usage.events if event.occurred_at} == {date(2026, 11, 24)}


def test_a_demo_played_twice_a_day_counts_its_usage_once() -> None:
    """The same events are sent again, by their ids; another day has others."""
    first, again, next_day = (
        [event.event_id for step in story(now) for event in step.events if event.occurred_at]
        for now in (datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((25, 9), (25, 17), (26, 9)))
    )
    assert first == again
    assert None not in first
    assert not set(first) & set(next_day)


def test_the_demo_goes_on_without_jaeger_and_says_so(
    plane: FakePlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trace is not a failure."""
    monkeypatch.setenv("JOBFORGE_JAEGER_URL", NOWHERE)
    result = CliRunner().invoke(app, ["demo", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "Traces are kept nowhere" in result.stdout
    assert not list(tmp_path.rglob("trace.json"))


def test_a_demo_whose_job_fails_ends_with_1(plane: FakePlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of the failure is written all the same, and JSON says which."""
    monkeypatch.setenv("JOBFORGE_JAEGER_URL", NOWHERE)
    plane.results[SETTLER.template_key] = Result(error={"code": "settler.document_encrypted", "message": "Locked."})
    result = CliRunner().invoke(app, ["demo", "--output", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert [each["status"] for each in json.loads(result.stdout)] == ["failed", "succeeded"]
    assert "Locked." in (tmp_path / "settler/report.md").read_text()


def test_an_artifact_cannot_leave_its_folder(plane: FakePlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is a path is refused."""
    monkeypatch.setenv("JOBFORGE_JAEGER_URL", NOWHERE)
    plane.results[SETTLER.template_key] = Result(artifacts={"..\\evil": ("text/plain", b"x")})
    result = CliRunner().invoke(app, ["demo", "--output", str(tmp_path / "in")])
    assert result.exit_code == 2
    assert "is not a file name" in result.stderr


def test_a_trace_is_complete_with_its_services_one_root_and_every_parent() -> None:
    """Each lack is seen."""
    services = frozenset({"ingestion", "settler"})
    whole = document(ingestion=[span("a")], settler=[span("b", "a")])
    assert spans.read(whole).complete(services)
    assert not spans.read(document(ingestion=[span("a")])).complete(services)
    assert not spans.read(document(ingestion=[span("a")], settler=[span("b", "x")])).complete(services)
    assert not spans.read(document(ingestion=[span("a")], settler=[span("b")])).complete(services)
    assert not spans.read({}).complete(frozenset())


def test_the_demo_credits_its_data() -> None:
    """Licence and origin travel with the files."""
    folder = Path(spans.__file__).parent / "demo_data"
    told = (folder / "CREDITS.md").read_text()
    assert all(f"`{file.name}`" in told for file in folder.iterdir() if file.name != "CREDITS.md")
    assert "CC BY 4.0" in told


def test_one_whole_way_is_enough() -> None:
    """A plane can run when Python is there, ports are free, and nothing of one way is missing."""
    fine = [Check("machine", "Python", "ok", "3.11"), Check("ports", "8080", "ok", "free")]
    no_docker = Check("docker", "engine", "missing", "")
    no_java = Check("native", "Java", "missing", "")
    no_go = Check("native", "Go", "note", "")
    assert possible_ways(fine) == ("docker", "native")
    assert possible_ways([*fine, no_docker, no_go]) == ("native",)
    assert possible_ways([*fine, no_docker, no_java]) == ()
    assert possible_ways([*fine, Check("ports", "9092", "missing", "taken")]) == ()


def test_the_doctor_names_a_taken_port_and_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that something else holds is a problem with a remedy; JSON holds each check."""
    monkeypatch.setenv("JOBFORGE_URL", NOWHERE)
    monkeypatch.setenv("PATH", "")
    with serving(Starlette()) as url:
        monkeypatch.setenv("JOBFORGE_KAFKA_PORT", url.rpartition(":")[2])
        result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["ways"] == []
    kafka = next(check for check in told["checks"] if "(Kafka)" in check["name"])
    assert kafka["state"] == "missing"
    assert "JOBFORGE_KAFKA_PORT" in kafka["remedy"]
    missing = {check["name"] for check in told["checks"] if check["state"] == "missing"}
    assert {"uv", "Docker engine", "Java 17+", "Maven"} <= missing


def test_the_doctor_sees_a_plane_that_runs(plane: FakePlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports of the running plane are its own."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("JOBFORGE_INGESTION_PORT", plane.url.rpartition(":")[2])
    told = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    found = {check["name"]: check for check in told["checks"]}
    assert found["ingestion door"]["state"] == "ok"
    assert next(c for name, c in found.items() if "(ingestion)" in name)["found"] == "used by the plane that is running"
