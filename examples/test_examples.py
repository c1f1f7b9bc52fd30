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
