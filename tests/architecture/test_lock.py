"""Pins name every version and no address."""

import tomllib
from pathlib import Path
from typing import Any

import lock
import pytest

LOCKED: dict[str, Any] = {
    "package": [
        {"name": "b", "version": "2.0", "source": {"registry": "https://mirror.example/simple"}},
        {"name": "jobforge-a", "version": "0.1.0", "source": {"editable": "libs/a"}},
        {"name": "jobforge", "version": "0.1.0", "source": {"virtual": "."}},
        {
            "name": "a",
            "version": "1.1",
            "source": {"registry": "https://mirror.example/simple"},
            "resolution-markers": ["python_full_version < '3.12'"],
        },
        {
            "name": "a",
            "version": "1.2",
            "source": {"registry": "https://mirror.example/simple"},
            "resolution-markers": ["python_full_version >= '3.13'", "sys_platform == 'win32'"],
        },
    ]
}
PYPROJECT = (
    '# Top.\n[tool.uv]\npackage = false\n# Pins.\nconstraint-dependencies = [\n    "old==1",\n]\n\n[tool.x]\ny = []\n'
)


def test_pins_are_sorted_and_name_no_index_and_no_package_of_ours() -> None:
    """A version that differs by platform keeps its marker."""
    assert lock.pins(LOCKED) == [
        "a==1.1 ; (python_full_version < '3.12')",
        "a==1.2 ; (python_full_version >= '3.13') or (sys_platform == 'win32')",
        "b==2.0",
    ]


def test_only_the_pins_change() -> None:
    """Comments and everything else of pyproject.toml stay as they are."""
    changed = lock.with_pins(PYPROJECT, lock.pins(LOCKED))
    assert tomllib.loads(changed)["tool"]["uv"]["constraint-dependencies"] == lock.pins(LOCKED)
    assert lock.with_pins(changed, ["old==1"]) == PYPROJECT


def test_an_upgrade_lets_go_of_what_it_upgrades() -> None:
    """Of all pins, or of one package's."""
    assert lock.kept(["a==1", "a-b==2"], upgrade=True, packages=[]) == []
    assert lock.kept(["a==1", "a-b==2"], upgrade=False, packages=["a"]) == ["a-b==2"]


def test_a_failed_resolution_leaves_pyproject_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the pins had been taken out for an upgrade."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")

    def fails(*_: Any, **__: Any) -> list[str]:
        assert "old==1" not in (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
        raise RuntimeError("no such version")

    monkeypatch.setattr(lock, "resolve", fails)
    with pytest.raises(RuntimeError):
        lock.lock(tmp_path, upgrade=True)
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == PYPROJECT


def test_a_check_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only says whether the pins are complete."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    monkeypatch.setattr(lock, "resolve", lambda *_, **__: ["old==1", "new==2"])
    assert lock.lock(tmp_path, check=True)
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == PYPROJECT
    assert lock.lock(tmp_path)
    assert not lock.lock(tmp_path, check=True)
