"""The one view of all logs."""

from pathlib import Path

import pytest

from jobforge.native.logs import Follower, readable, show


def test_a_structured_line_reads_as_time_level_event_and_values() -> None:
    """People read it; machines have the file."""
    line = '{"event": "run.succeeded", "level": "info", "timestamp": "2026-11-23T23:47:20.684Z", "run_id": "r1"}'
    assert readable(line, False) == "23:47:20.684 info    run.succeeded run_id=r1"


@pytest.mark.parametrize("line", ["plain words", "[1, 2]", '{"no": "event"}', "{broken"])
def test_any_other_line_is_shown_as_it_is(line: str) -> None:
    """Nothing that a process writes is hidden."""
    assert readable(line, False) == line


def test_each_line_stands_under_the_name_of_its_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of several processes are told apart."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "settler.log").write_text("one\ntwo\nthree\n")
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "kafka.log").write_text("started\n")
    show(tmp_path, follow=False, lines=2)
    assert capsys.readouterr().out == "kafka   | started\nsettler | two\nsettler | three\n"


def test_a_follower_goes_on_with_the_log_of_a_restarted_process(tmp_path: Path) -> None:
    """A service that starts anew writes a new file; its first lines are not missed."""
    log = tmp_path / "settler.log"
    log.write_text("one\nhalf")
    follower = Follower(log, lines=5)
    assert list(follower.new_lines()) == ["one"]
    with log.open("a") as file:
        file.write(" a line\n")
    assert list(follower.new_lines()) == ["half a line"]
    log.rename(tmp_path / "old")
    log.write_text("new\n")
    assert list(follower.new_lines()) == ["new"]
