"""What is generated is up to date, the same each time, and a stale file is found and named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import generate
import pytest
import yaml

SCRIPT = Path("infra") / "generate.py"


def run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the generator as ``make schemas`` does, in an environment that must not matter."""
    environment = {**os.environ, "JOBFORGE_PROFILE": "development", "JOBFORGE_MAX_RECORD_BYTES": "1024"}
    command = [sys.executable, str(root / SCRIPT), *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_generated_files_are_up_to_date(root: Path) -> None:
    """``make schemas`` was run after the last change, whatever the environment says."""
    finished = run(root, "--check")
    assert finished.returncode == 0, finished.stderr


def test_a_stale_a_missing_and_a_leftover_file_are_each_named(tmp_path: Path) -> None:
    """And writing puts all three right, once and for all."""
    files = {"schemas/topics.yaml": "a: 1\n", "schemas/messages/A.json": "{}\n", "schemas/messages/B.json": "{}\n"}
    generate.write(tmp_path, files)
    assert list(generate.stale(tmp_path, files)) == []
    (tmp_path / "schemas/topics.yaml").write_text("a: 2\n", encoding="utf-8")
    (tmp_path / "schemas/messages/A.json").unlink()
    (tmp_path / "schemas/messages/Old.json").write_text("{}\n", encoding="utf-8")
    assert list(generate.stale(tmp_path, files)) == [
        "schemas/messages/A.json: missing",
        "schemas/topics.yaml: out of date",
        "schemas/messages/Old.json: nothing generates this any more",
    ]
    assert len(generate.write(tmp_path, files)) == 3
    assert list(generate.stale(tmp_path, files)) == []


def test_a_check_that_finds_something_fails_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names each file and ``make schemas``, and writes nothing."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "generated", lambda _root: {"schemas/topics.yaml": "a: 1\n"})
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    said = capsys.readouterr().err
    assert "schemas/topics.yaml: missing" in said
    assert "make schemas" in said
    assert not (tmp_path / "schemas").exists()


def test_a_recorded_example_keeps_its_checksum(tmp_path: Path) -> None:
    """The record of examples only grows, so a changed example cannot be recorded anew."""
    example = tmp_path / "schemas/examples/RunStarted/1-x.json"
    example.parent.mkdir(parents=True)
    example.write_text("{}", encoding="utf-8")
    (tmp_path / generate.SEALS).write_text(first := generate.seals(tmp_path), encoding="utf-8")
    example.write_text('{"changed": 1}', encoding="utf-8")
    (example.parent / "2-y.json").write_text("{}", encoding="utf-8")
    second = generate.seals(tmp_path)
    assert second.startswith(first)
    assert second.count("\n") == 2


def test_a_service_is_what_its_pyproject_registers(tmp_path: Path) -> None:
    """One stanza each: name, build argument, port and variables of the host come from ``[tool.jobforge]``."""
    folder = tmp_path / "services" / "demo"
    folder.mkdir(parents=True)
    registered = '[project]\ndescription = "Demo."\nversion = "1"\n[tool.jobforge]\nkind = "domain"\nport = 8099\n'
    registered += 'variables = ["KEY"]\n'
    (folder / "pyproject.toml").write_text(registered, encoding="utf-8")
    (service,) = generate.services_of(tmp_path)
    stanza = yaml.safe_load(generate.compose((service,)))["services"]["demo"]
    assert stanza["build"]["args"] == {"SERVICE": "demo"}
    assert stanza["ports"] == ["127.0.0.1:${JOBFORGE_DEMO_PORT:-8099}:8080"]
    assert stanza["extends"] == {"file": "base.yml", "service": "service"}
    assert stanza["environment"] == {"KEY": None}


def test_every_generated_document_is_valid_in_its_dialect(root: Path) -> None:
    """JSON Schemas compile, and each OpenAPI and AsyncAPI document says which it is."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="comes with the ingestion service")
    for path in (root / "schemas" / "messages").glob("*.json"):
        jsonschema_rs.validator_for(json.loads(path.read_bytes()))
    for path in (root / "schemas" / "templates").glob("*.json"):
        descriptor = json.loads(path.read_bytes())
        assert descriptor["template_key"] == path.stem
        jsonschema_rs.validator_for(descriptor["input_schema"])
        jsonschema_rs.validator_for(descriptor["output_schema"])
    for path in (root / "schemas" / "asyncapi").glob("*.json"):
        assert json.loads(path.read_bytes())["asyncapi"] == "3.0.0"
    for path in (root / "schemas" / "openapi").glob("*.json"):
        assert json.loads(path.read_bytes())["openapi"].startswith("3.")


def test_examples_fit_the_published_schemas(root: Path) -> None:
    """What other languages validate with agrees with what Python reads."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="comes with the ingestion service")
    for path in sorted((root / "schemas" / "examples").glob("*/*.json")):
        schema = json.loads((root / "schemas" / "messages" / f"{path.parent.name}.json").read_bytes())
        jsonschema_rs.validator_for(schema).validate(json.loads(path.read_bytes()))
