"""What operators' commands show and refuse before they ever reach Kafka."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from jobforge.cli.app import app
from jobforge.cli.checking import SHOWN, shown
from jobforge.ledger.findings import INVARIANTS, Finding, Report


def run(*arguments: str, code: int) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def printed(report: Report) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(shown(report))
    return captured.get()


def test_every_invariant_has_its_line_and_what_was_not_looked_at_is_said() -> None:
    """A clean report says so, and never that of something nobody looked at."""
    report = Report(records=4)
    report.looked.update({"I1": 1_234})
    report.tally("acme").accepted = 1_234
    text = printed(report)
    assert "1,234" in text
    assert "No promise is broken." in text
    for name, promise in INVARIANTS.items():
        assert name in text
        assert promise in text
    for words in ("needs --client-log", "needs --effects-log", "acme"):
        assert words in text


def test_the_first_offenders_are_named_and_the_rest_counted() -> None:
    """Twenty by name, and how many more; JSON holds all that were kept."""
    report = Report()
    report.add(
        Finding("I11", "no end", "acme", f"run-{number}", (f"jobforge.jobs.echo/0@{number}",)) for number in range(25)
    )
    text = printed(report)
    assert f"acme run-{SHOWN - 1}: no end  [jobforge.jobs.echo/0@{SHOWN - 1}]" in text
    assert f"run-{SHOWN}:" not in text
    assert "and 5 more" in text
    assert "No promise is broken." not in text
    plain = report.as_json()
    assert (plain["clean"], len(plain["findings"]), plain["invariants"]["I11"]["found"]) == (False, 25, 25)


def test_a_tenants_report_holds_nothing_of_others() -> None:
    """Neither findings nor counts of them."""
    report = Report(tenant="acme")
    report.add([Finding("I1", "x", "acme", "r1"), Finding("I1", "x", "other", "r2"), Finding("I10", "x")])
    assert [finding.run for finding in report.findings] == ["r1"]
    assert report.found.total() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ledger", "--client-log", "{tmp}/bad"], "line 1: not a JSON object"),
        (["ledger", "--client-log", "{tmp}/none"], "No such file"),
        (["dlq", "show", "nowhere"], "not a position, topic:partition:offset"),
        (["dlq", "replay"], "say which"),
        (["dlq", "replay", "a:b"], "not a position"),
        (["dlq", "list", "--since", "yesterday"], "--since takes a time"),
        (["dlq", "replay", "--all", "--rate", "0"], "--rate"),
    ],
)
def test_wrong_usage_is_told_in_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    """Exit code 2, before anything is read or sent."""
    (tmp_path / "bad").write_text("no\n")
    assert words in run(*(each.format(tmp=tmp_path) for each in arguments), code=2).stderr


def test_an_artifact_address_that_is_none_is_refused() -> None:
    """It names what an address looks like."""
    assert "file:///directory or s3://bucket" in run("ledger", "--artifacts", "ftp://x", code=2).stderr
