"""Each law is broken once on purpose, in a tree of its own, and says so."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from laws import companions, portability, quiet_imports, sources

from jobforge.contracts import topics

Law = Callable[[Path], Iterator[str]]
PACKAGE = "libs/chassis/src/jobforge/chassis"
SERVICE = "services/demo/src/jobforge/demo"
TEMPLATE = '''"""A template."""
@template("demo.thing.do")
async def run(): ...
'''
REGISTERED = '[project]\nname = "jobforge-demo"\n[tool.jobforge]\nkind = "domain"\nport = 9\n'
SOUND = {
    f"{PACKAGE}/__init__.py": '"""Chassis."""\n',
    "libs/chassis/pyproject.toml": '[project]\nname = "jobforge-chassis"\ndependencies = ["httpx>=1"]\n',
    "pyproject.toml": '[tool.uv]\nconstraint-dependencies = ["httpx==1.2", "rich==4.0 ; python_version > \'3\'"]\n',
    "services/demo/pyproject.toml": REGISTERED,
    "services/demo/README.md": "A service. " * 20,
    "services/demo/tests/test_thing_do.py": '"""It does."""\ndef test_it(): ...\n',
    f"{SERVICE}/__init__.py": '"""Demo."""\n',
    f"{SERVICE}/app.py": '"""The app."""\ndef create_app(): ...\n',
    f"{SERVICE}/templates/thing_do.py": TEMPLATE,
    "infra/compose/services.yml": "services:\n  demo: {image: 'jobforge/demo:dev'}\n",
}


@dataclass(frozen=True)
class Planted:
    """One file that breaks a law; text None takes the file away."""

    law: Law
    path: str
    text: str | None
    says: str


PLANTED = [
    Planted(sources.long_files, f"{PACKAGE}/long.py", '"""Long."""\n' * 301, "301 lines"),
    Planted(sources.modules_without_docstring, f"{PACKAGE}/mute.py", "x = 1\n", "mute.py"),
    Planted(sources.vague_names, f"{PACKAGE}/utils.py", '"""x"""\n', "'utils'"),
    Planted(sources.vague_names, f"{PACKAGE}/common/x.py", '"""x"""\n', "'common'"),
    Planted(
        sources.future_annotations, f"{PACKAGE}/late.py", '"""x"""\nfrom __future__ import annotations\n', "late.py:2"
    ),
    Planted(sources.relative_imports, f"{PACKAGE}/near.py", '"""x"""\nfrom . import wire\n', "near.py:2"),
    Planted(sources.namespace_packages, "libs/chassis/src/jobforge/__init__.py", "", "namespace"),
    Planted(
        sources.faststream_internals,
        f"{PACKAGE}/deep.py",
        "from faststream._internal.broker import x\n",
        "faststream._internal",
    ),
    Planted(
        sources.faststream_internals,
        f"{PACKAGE}/deep.py",
        "def f():\n    from faststream.kafka.subscriber.usecase import LogicSubscriber\n",
        "deep.py:2",
    ),
    Planted(sources.contracts_imports, "libs/contracts/src/jobforge/contracts/x.py", "import aiokafka\n", "aiokafka"),
    Planted(sources.bare_type_ignores, f"{PACKAGE}/x.py", "x = y  # type: " + "ignore\n", "x.py:1"),
    Planted(sources.bare_type_ignores, f"{PACKAGE}/x.py", "x = y  # type: " + "ignore[misc]\n", "x.py:1"),
    Planted(companions.templates_without_test, "services/demo/tests/test_thing_do.py", None, "test_thing_do.py"),
    Planted(companions.templates_without_test, "services/demo/tests/test_thing_do.py", "", "holds no test"),
    Planted(
        companions.template_keys_that_do_not_spell_their_path,
        f"{SERVICE}/templates/other_do.py",
        TEMPLATE,
        "demo.other.do",
    ),
    Planted(
        companions.template_keys_that_do_not_spell_their_path, f"{SERVICE}/templates/no.py", "", "declares no template"
    ),
    Planted(
        companions.unregistered_services, "services/demo/pyproject.toml", '[project]\nname = "x"\n', "port is missing"
    ),
    Planted(companions.unregistered_services, "services/other/pyproject.toml", REGISTERED, "already services/demo's"),
    Planted(
        companions.unregistered_services,
        "services/demo/pyproject.toml",
        REGISTERED.replace("domain", "thing"),
        "kind must be",
    ),
    Planted(companions.services_without_app, f"{SERVICE}/app.py", '"""No app."""\n', "no create_app"),
    Planted(companions.services_without_app, f"{SERVICE}/templates/thing_do.py", None, "a domain without templates"),
    Planted(companions.services_without_readme, "services/demo/README.md", None, "README.md"),
    Planted(companions.services_without_readme, "services/demo/README.md", "# demo\n", "says nothing"),
    Planted(companions.services_without_tests, "services/demo/tests/test_thing_do.py", None, "no tests"),
    Planted(
        companions.services_without_stanza, "infra/compose/services.yml", "services: {}\n", "services/demo: no stanza"
    ),
    Planted(
        companions.services_without_stanza, "infra/compose/services.yml", "services: {demo: {}, gone: {}}\n", "gone"
    ),
    Planted(companions.services_without_native_entry, "services/bare/src/jobforge/bare/app.py", "", "services/bare"),
    Planted(companions.services_without_native_entry, "services/demo/pyproject.toml", "", "[tool.jobforge]"),
    Planted(companions.decisions_without_ending, "docs/adr/0001-x.md", "# 1. X\n\n## Decision\nY.\n", "0001-x.md"),
    Planted(portability.machine_paths, "Makefile", "run:\n\tcd /" + "work/main && make\n", "Makefile:2"),
    Planted(portability.machine_paths, "infra/x.yaml", 'path: "/' + 'root/.cache"\n', "infra/x.yaml:1"),
    Planted(portability.registry_hosts, "uv.toml", 'url = "https://pypi' + '.org/simple"\n', "uv.toml:1"),
    Planted(portability.registry_hosts, "x.toml", "index-" + 'url = "https://mirror.example/simple"\n', "x.toml:1"),
    Planted(portability.tracked_locks, "uv.lock", "", "uv.lock"),
    Planted(
        portability.unpinned_versions,
        "pyproject.toml",
        "[tool.uv]\nconstraint-dependencies = []\n",
        "httpx is not pinned",
    ),
    Planted(
        portability.unpinned_versions,
        "pyproject.toml",
        '[tool.uv]\nconstraint-dependencies = ["httpx>=1"]\n',
        "not one exact",
    ),
    Planted(portability.unpinned_images, "docker-compose.yml", "services: {a: {image: valkey/valkey}}\n", "no version"),
    Planted(
        portability.unpinned_images,
        "docker-compose.yml",
        "services: {a: {image: 'h:5000/kafka:latest'}}\n",
        "no version",
    ),
    Planted(
        portability.undeclared_packages, f"{SERVICE}/x.py", "from jobforge.chassis import wire\n", "jobforge-chassis"
    ),
]


def grow(folder: Path, files: dict[str, str]) -> Path:
    """Write a tree."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("law", {planted.law.__name__: planted.law for planted in PLANTED}.values())
def test_a_law_is_silent_about_a_sound_tree(law: Law, tmp_path: Path) -> None:
    """No false alarms."""
    assert list(law(grow(tmp_path, SOUND))) == []


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted.law.__name__}-{planted.says}")
def test_a_planted_violation_is_found(planted: Planted, tmp_path: Path) -> None:
    """The law that is broken names the place or the remedy."""
    grow(tmp_path, SOUND)
    if planted.text is None:
        (tmp_path / planted.path).unlink()
    else:
        grow(tmp_path, {planted.path: planted.text})
    assert planted.says in "\n".join(planted.law(tmp_path))


@dataclass(frozen=True)
class ATopic:
    """A topic, as far as the laws look at it."""

    name: str = "jobforge.x"
    messages: tuple[type, ...] = ()
    writers: tuple[str, ...] = ("ingestion",)
    readers: tuple[str, ...] = ("operators",)


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        (ATopic(writers=()), "no writer"),
        (ATopic(readers=()), "no reader"),
        (ATopic(readers=("nobody",)), "'nobody' is no service"),
    ],
)
def test_a_topic_without_a_writer_or_a_reader_is_found(topic: ATopic, says: str) -> None:
    """A topic nobody reads is a leak, and one nobody writes is a wish."""
    assert list(companions.topics_without_companions([ATopic()], ["ingestion"])) == []
    assert says in "\n".join(companions.topics_without_companions([topic], ["ingestion"]))


def test_a_message_without_an_example_is_found(tmp_path: Path) -> None:
    """And an example without a message too."""
    grow(tmp_path, {"Gone/1-x.json": "{}"})
    found = "\n".join(companions.messages_without_example([topics.MANIFESTS], tmp_path))
    assert "RunManifest: no example" in found
    assert "schemas/examples/Gone: no topic" in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import os\nX = os.environ.get('HOME')\n", "reads HOME from the environment"),
        ("import os\nX = 'HOME' in os.environ and os.getenv('HOME')\n", "reads HOME from the environment"),
        ("def f(x=__import__('os').environ['PATH']): ...\n", "reads PATH from the environment"),
        ("from pathlib import Path\nX = Path(__file__).read_text()\n", "open"),
        ("import socket\nsocket.socket().bind(('127.0.0.1', 0))\n", "socket.bind"),
        ("import subprocess\nsubprocess.run(['true'])\n", "subprocess.Popen"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n",
            "starts a thread",
        ),
        ("raise RuntimeError('no')\n", "cannot be imported"),
    ],
)
def test_a_module_that_acts_while_it_is_imported_is_found(text: str, says: str, tmp_path: Path) -> None:
    """Whatever it does, and however indirectly."""
    grow(tmp_path, {"src/jobforge/planted/__init__.py": "", "src/jobforge/planted/loud.py": text})
    told = subprocess.run(
        [sys.executable, "-S", quiet_imports.__file__, str(tmp_path / "src")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert says in told


def test_a_module_that_only_defines_is_quiet(tmp_path: Path) -> None:
    """Reading the environment later, in a function, is not the import's doing."""
    text = "import os\nfrom pathlib import Path\ndef create_app():\n    return os.environ['HOME'], Path('x').open()\n"
    grow(tmp_path, {"src/jobforge/planted/__init__.py": "", "src/jobforge/planted/quiet.py": text})
    command = [sys.executable, "-S", quiet_imports.__file__, str(tmp_path / "src")]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip() == ""
