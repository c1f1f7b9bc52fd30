"""What the examples promise: each runs as it stands, as a program of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane, Result

HERE = Path(__file__).parent


@pytest.fixture
def plane() -> Iterator[FakePlane]:
    with fake_plane() as plane:
        yield plane


def run(example: str, *arguments: str, plane: FakePlane) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "JOBFORGE_URL": plane.url}
    environment.pop("JOBFORGE_QUERY_URL", None)
    command = [sys.executable, str(HERE / example), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_settler_example_prints_a_report(plane: FakePlane, tmp_path: Path) -> None:
    """The guide's event and request arrive as the guide words them."""
    plane.results["settler.contract.process"] = Result(outputs={"governing_law": "Arizona"})
    contract = tmp_path / "lease.txt"
    contract.write_text("This lease is governed by the laws of Arizona.")
    done = run("settler_contracts.py", str(contract), plane=plane)
    assert done.returncode == 0, done.stderr
    assert "| **Governing law** | Arizona |" in done.stdout
    (event,) = plane.events.values()
    assert event["payload"] == {"contract_id": "lease", "status": "pending_processing"}
    request = json.loads(next(seen.body for seen in plane.seen if seen.path == "/v1/jobs"))
    assert request["inputs"] == {"contract_id": "lease", "analysis_type": "full"}
    assert request["actor_id"] == "settler-service"
    assert plane.objects["acme", "contract", "lease"] == ("text/plain", contract.read_bytes())


def test_the_settler_example_says_that_a_template_is_disabled(plane: FakePlane, tmp_path: Path) -> None:
    """A disabled feature is a sentence and not a traceback."""
    plane.disabled.add("settler.contract.process")
    contract = tmp_path / "lease.txt"
    contract.write_text("x")
    done = run("settler_contracts.py", str(contract), plane=plane)
    assert done.returncode == 1
    assert done.stderr == "Not available: Template is disabled: settler.contract.process\n"


def test_the_readylayer_example_saves_the_artifacts(plane: FakePlane, tmp_path: Path) -> None:
    """What the job wrote is saved into the folder."""
    artifacts = {"photo-640.webp": ("image/webp", b"webp"), "photo-640.avif": ("image/avif", b"avif")}
    plane.results["readylayer.asset.optimize"] = Result(artifacts=artifacts)
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG")
    done = run("readylayer_assets.py", str(picture), str(tmp_path / "out"), plane=plane)
    assert done.returncode == 0, done.stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == {
        "photo-640.webp": b"webp",
        "photo-640.avif": b"avif",
    }
    (event,) = plane.events.values()
    assert event["event_type"] == "readylayer.asset.uploaded"


FIGURES = ("requests", "bytes_transferred", "events", "keys", "late_events", "repeated_events")


@pytest.mark.parametrize(
    ("program", "template_key", "result", "event", "inputs", "says"),
    [
        (
            "04_keys.py",
            "keys.usage.aggregate",
            Result(
                outputs=dict.fromkeys(FIGURES, 66),
                artifacts={"usage.csv": ("text/csv", b"key_id,bucket_start,requests,bytes_transferred\nkey-1,x,0,0\n")},
            ),
            {"event_type": "keys.usage.recorded", "source_app": "keys", "source_module": "core"},
            {"granularity": "hourly"},
            ("requests: 66",),
        ),
        (
            "06_verification_pack.py",
            "autopilot.ops.scan",
            Result(outputs={"verdict": "warn", "checks": [{"name": "cache", "status": "warn"}]}),
            {"event_type": "readylayer.verification.requested", "project_id": "website", "source_module": "ops"},
            {"target": "production", "scan_type": "performance", "checks": ["ssl", "cdn", "cache"]},
            ("| cache | warn |", "Diagnosis: It works.\n1. Mend it."),
        ),
        (
            "07_content_draft.py",
            "autopilot.growth.content_draft",
            Result(outputs={"title": "Retries", "body": "They wait.", "generator": "extractive", "sources": []}),
            {"event_type": "growth.content.requested", "source_app": "aias", "source_module": "growth"},
            {"format": "blog", "tone": "professional", "target_audience": "technical"},
            ("Retries  (written by: extractive)\n\nThey wait.",),
        ),
    ],
)
def test_a_program_of_the_guide_sends_what_the_guide_says_and_shows_what_comes_back(
    program: str,
    template_key: str,
    result: Result,
    event: dict[str, str],
    inputs: dict[str, object],
    says: tuple[str, ...],
    plane: FakePlane,
) -> None:
    """Its event and its request word for word, and the outputs of the job."""
    plane.results[template_key] = result
    plane.results["autopilot.ops.diagnose"] = Result(outputs={"summary": "It works.", "steps": ["Mend it."]})
    done = run(f"guide/{program}", plane=plane)
    assert done.returncode == 0, done.stderr
    assert [words for words in says if words not in done.stdout] == []
    stated = next(iter(plane.events.values()))
    assert {name: stated[name] for name in event} == event
    asked = next(iter(plane.inputs.values()))
    assert {name: asked[name] for name in inputs} == inputs
