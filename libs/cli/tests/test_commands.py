"""What the commands promise to whoever types them or pipes them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from jobforge.cli.app import app
from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane, Result

KEY = "echo.text.repeat"


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlane]:
    with fake_plane() as plane:
        monkeypatch.setenv("JOBFORGE_URL", plane.url)
        monkeypatch.delenv("JOBFORGE_QUERY_URL", raising=False)
        monkeypatch.setenv("JOBFORGE_TENANT", "acme")
        monkeypatch.setenv("COLUMNS", "200")
        yield plane


def run(*arguments: str, code: int = 0, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def printed(*arguments: str, code: int = 0, stdin: str | None = None) -> Any:
    return json.loads(run(*arguments, "--json", code=code, stdin=stdin).stdout)


def test_inputs_are_json_if_they_parse_and_text_if_not(plane: FakePlane, tmp_path: Path) -> None:
    """--input beats --inputs; numbers, lists and text keep their type."""
    file = tmp_path / "inputs.json"
    file.write_text('{"text": "from the file", "kept": null}')
    given = ("--input", "text=hello", "--input", "times=3", "--input", "sizes=[1, 2]", "--input", "note=a=b")
    more = ("--trace", "t-1", "--actor", "me", "--start-within", "90")
    job = printed("request", KEY, *given, "--inputs", str(file), *more)["job"]
    body = json.loads(plane.seen[-1].body)
    assert body["start_within"] == 90
    assert body["inputs"] == {"text": "hello", "kept": None, "times": 3, "sizes": [1, 2], "note": "a=b"}
    assert (body["trace_id"], body["actor_id"], job["status"]) == ("t-1", "me", "queued")


def test_request_wait_follows_the_run_and_ends_as_it_ended(plane: FakePlane) -> None:
    """0 for a run that succeeded, 1 for one that failed; JSON on standard output stays JSON."""
    plane.results = {KEY: Result(), "echo.text.fail": Result(error={"code": "echo.told_to", "message": "As told."})}
    assert printed("request", KEY, "--wait")["status"] == "succeeded"
    failed = run("request", "echo.text.fail", "--wait", code=1)
    assert "echo.told_to: As told." in failed.stdout
    assert [json.loads(line)["status"] for line in _watched(plane, KEY).splitlines()][-1] == "succeeded"


def _watched(plane: FakePlane, key: str) -> str:
    run_id = next(str(job.id) for job in plane.jobs.values() if job.template_key == key)
    watched: str = run("watch", run_id, "--json").stdout
    return watched


def test_a_run_can_be_read_in_every_way(plane: FakePlane, tmp_path: Path) -> None:
    """runs, get, manifest, report, artifacts, trace and events show what there is."""
    plane.results[KEY] = Result(outputs={"text": "hi"}, artifacts={"a.txt": ("text/plain", b"hi")})
    run_id = printed("request", KEY, "--trace", "t-9")["job"]["id"]
    assert [job["id"] for job in printed("runs", "--status", "succeeded")["runs"]] == [run_id]
    assert run_id in run("runs").stdout
    assert "succeeded" in run("get", run_id).stdout
    assert printed("get", run_id)["template_key"] == KEY
    assert printed("manifest", run_id)["outputs"] == {"text": "hi"}
    assert run("report", run_id, "--html", "-o", str(tmp_path / "r.html")).exit_code == 0
    assert run_id in (tmp_path / "r.html").read_text()
    assert plane.seen[-1].query["format"] == "html"
    assert "a.txt" in run("artifacts", run_id, "--save", str(tmp_path / "out")).stdout
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"hi"
    assert [entry["kind"] for entry in printed("trace", "t-9")["entries"]] == ["run"]
    assert run_id in run("trace", "t-9").stdout
    assert printed("cancel", run_id)["cancel_requested"] is True


def test_events_are_submitted_from_one_object_a_list_or_lines(plane: FakePlane, tmp_path: Path) -> None:
    """The tenant, trace and id are added where they lack; a refused one is told and ends with 2."""
    event = {"event_type": "settler.contract.uploaded", "source_app": "settler"}
    file = tmp_path / "events.json"
    file.write_text(json.dumps(event))
    assert printed("submit", str(file))[0]["status"] == 202
    lines = "\n".join(json.dumps({**event, "payload": {"n": n}}) for n in range(3))
    assert len(printed("submit", "-", stdin=lines)) == 3
    assert len(printed("submit", "-", stdin=json.dumps([event, event]))) == 2
    bad = run("submit", "-", stdin=json.dumps([event, {**event, "event_type": "NO"}]), code=2)
    assert "1 of 2 events were refused" in bad.stderr
    assert "has no field kind" in run("submit", "-", stdin='{"kind": "x"}', code=2).stderr
    assert len(printed("events", "--type", "settler.contract.uploaded")["events"]) == len(plane.events) == 7
    assert "settler.contract.uploaded" in run("events").stdout


def test_files_are_put(plane: FakePlane, tmp_path: Path) -> None:
    """The type is guessed from the name; a missing file is wrong usage."""
    file = tmp_path / "c.pdf"
    file.write_bytes(b"%PDF")
    assert printed("put", "contract", "c-1", str(file))["content_type"] == "application/pdf"
    assert plane.objects["acme", "contract", "c-1"] == ("application/pdf", b"%PDF")
    run("put", "contract", "c-1", str(tmp_path / "none"), code=2)


def test_templates_and_flags_are_listed_and_switched(plane: FakePlane) -> None:
    """What was switched shows in the list."""
    plane.results[KEY] = Result()
    run("templates", "disable", KEY)
    assert [template["enabled"] for template in printed("templates")] == [False]
    refused = run("request", KEY, code=2)
    assert f"Template is disabled: {KEY}" in refused.stderr
    assert "jobforge templates enable" in refused.stderr
    assert printed("templates", "enable", KEY) == {"name": KEY, "enabled": True}
    assert KEY in run("templates").stdout
    run("flags", "set", "JOBFORGE_EVENTS_ENABLED", "off")
    assert printed("flags")["flags"]["JOBFORGE_EVENTS_ENABLED"] is False
    assert "on or off" in run("flags", "set", "X", "perhaps", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["get", str(uuid4())], "has no run"),
        (["manifest", str(uuid4())], "has no run"),
        (["watch", str(uuid4())], "There is no such run"),
        (["request", KEY, "--input", "oops"], "--input takes name=value"),
        (["request", KEY, "--inputs", "/no/such/file"], "No such file"),
        (["request", "Not A Key"], "/template_key"),
        (["submit", "/no/such/file"], "No such file"),
        (["report", str(uuid4()), "--html", "--json"], "exclude each other"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_code_2(plane: FakePlane, arguments: list[str], words: str) -> None:
    """No traceback, and what to do about it."""
    assert words in run(*arguments, code=2).stderr


def test_a_missing_tenant_is_named(plane: FakePlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which option and variable to give."""
    monkeypatch.delenv("JOBFORGE_TENANT")
    assert "JOBFORGE_TENANT" in run("runs", code=2).stderr
    assert run("runs", "--tenant", "acme").exit_code == 0


def test_an_unreachable_plane_is_exit_code_3_at_once(tmp_path: Path) -> None:
    """As a real process: the address, the variable and the way to start one, on standard error alone."""
    command = [sys.executable, "-c", "from jobforge.cli.app import main; main()", "runs", "--tenant", "acme"]
    environment = {**os.environ, "JOBFORGE_URL": "http://127.0.0.1:9"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "http://127.0.0.1:9 (JOBFORGE_URL)" in done.stderr
    assert "make up" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_too_deep_and_text_that_is_none_are_told_without_a_traceback(plane: FakePlane, tmp_path: Path) -> None:
    """The line names the file and what is wrong with it."""
    deep, binary = tmp_path / "deep.json", tmp_path / "binary.json"
    deep.write_text("[" * 100_000)
    binary.write_bytes(b"\xff{}")
    assert f"{deep} nests too deep" in run("submit", str(deep), code=2).stderr
    assert f"{binary} is not text in UTF-8" in run("submit", str(binary), code=2).stderr
    assert "nests too deep" in run("request", KEY, "--input", "a=" + "[" * 100_000, code=2).stderr
    assert "nests too deep" in run("request", KEY, "--inputs", str(deep), code=2).stderr


def test_an_address_that_is_none_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong usage, and the variable to change."""
    for address in ("http://[x", "http://", "https:///v1", "http://a:99999", "http://a b"):
        monkeypatch.setenv("JOBFORGE_URL", address)
        assert "JOBFORGE_URL" in run("flags", code=2).stderr
