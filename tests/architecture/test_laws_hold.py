"""The laws of the tree hold in this tree."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from laws import companions, portability, quiet_imports, sources
from laws.tree import service_folders

from jobforge.contracts.topics import TOPICS

Law = Callable[[Path], Iterator[str]]
LAWS: tuple[Law, ...] = (
    sources.long_files,
    sources.modules_without_docstring,
    sources.vague_names,
    sources.future_annotations,
    sources.relative_imports,
    sources.namespace_packages,
    sources.faststream_internals,
    sources.contracts_imports,
    sources.bare_type_ignores,
    companions.templates_without_test,
    companions.template_keys_that_do_not_spell_their_path,
    companions.unregistered_services,
    companions.services_without_app,
    companions.services_without_readme,
    companions.services_without_tests,
    companions.services_without_stanza,
    companions.services_without_native_entry,
    companions.decisions_without_ending,
    portability.machine_paths,
    portability.registry_hosts,
    portability.tracked_locks,
    portability.unpinned_versions,
    portability.unpinned_images,
    portability.undeclared_packages,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_law_holds(law: Law, root: Path) -> None:
    """Each line of a failure names a place and what to do."""
    violations = list(law(root))
    assert not violations, "\n" + "\n".join(violations)


def test_every_topic_has_a_writer_and_a_reader(root: Path) -> None:
    """Who they are is declared with the topic, and they exist."""
    services = [folder.name for folder in service_folders(root)]
    assert not list(companions.topics_without_companions(TOPICS, services))


def test_every_message_has_an_example(root: Path) -> None:
    """What parses today parses for ever, so it must be on record."""
    assert not list(companions.messages_without_example(TOPICS, root / "schemas" / "examples"))


def test_importing_any_module_reads_and_opens_nothing(root: Path) -> None:
    """Every module is imported in a process of its own that watches the environment, files, sockets and threads."""
    folders = sorted(str(path) for top in ("libs", "services", "infra") for path in root.glob(f"{top}/*/src"))
    finished = subprocess.run(
        [sys.executable, quiet_imports.__file__, *folders], capture_output=True, text=True, timeout=120, check=True
    )
    assert finished.stdout.strip() == ""
