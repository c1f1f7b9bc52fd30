"""Every example of every message parses for ever, and reads the same in every version to come."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from jobforge.contracts.base import Message
from jobforge.contracts.export import exported_messages
from jobforge.contracts.manifest import RunManifest, manifest_digest
from jobforge.contracts.reading import Unreadable, read_any

EXAMPLES = Path(__file__).resolve().parents[2] / "schemas" / "examples"
MESSAGES = {message.__name__: message for message in exported_messages()}
PATHS = sorted(EXAMPLES.glob("*/*.json"))


def adapter(path: Path) -> TypeAdapter[Any]:
    """Parses what the example's folder names."""
    return TypeAdapter(MESSAGES[path.parent.name])


def name(path: Path) -> str:
    """The example's path under ``schemas/examples``."""
    return path.relative_to(EXAMPLES).as_posix()


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_an_example_parses_for_ever(path: Path) -> None:
    """What was once written on a topic stays readable."""
    message = read_any(adapter(path), path.read_bytes())
    assert type(message) is MESSAGES[path.parent.name]


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_an_example_keeps_its_meaning_when_it_is_written_again(path: Path) -> None:
    """Reading and writing loses no field that the example had."""
    original = json.loads(path.read_bytes())
    written = json.loads(read_any(adapter(path), path.read_bytes()).model_dump_json())
    assert {field: written[field] for field in original} == original


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_a_reader_of_the_plane_ignores_unknown_fields(path: Path) -> None:
    """An older reader lives with a newer writer; what an app sends is stricter, and an unknown field is named."""
    value = json.dumps({**json.loads(path.read_bytes()), "from_the_future": 1})
    message = MESSAGES[path.parent.name]
    if issubclass(message, Message):
        assert read_any(adapter(path), value.encode()) == read_any(adapter(path), path.read_bytes())
        return
    with pytest.raises(ValidationError, match="from_the_future"):
        adapter(path).validate_json(value)


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_a_newer_version_is_unreadable_with_its_reason(path: Path) -> None:
    """A version that this code does not know is a dead letter, never a guess."""
    value = json.dumps({**json.loads(path.read_bytes()), "schema_version": 999})
    with pytest.raises(Unreadable) as refused:
        read_any(adapter(path), value.encode())
    assert refused.value.reason == "record.version_unknown"


@pytest.mark.parametrize("message", MESSAGES.values(), ids=list(MESSAGES))
def test_every_message_has_an_example(message: type[BaseModel]) -> None:
    """A message without an example cannot be promised to parse for ever."""
    assert list((EXAMPLES / message.__name__).glob("*.json"))


def test_examples_are_append_only() -> None:
    """An example that is recorded in SHA256SUMS neither changes nor goes away; a new one is added beside it."""
    lines = (EXAMPLES / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    recorded = {path: seal for seal, path in (line.split("  ", 1) for line in lines)}
    present = {name(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in PATHS}
    assert present == recorded


@pytest.mark.parametrize("path", [path for path in PATHS if path.parent.name == "RunManifest"], ids=name)
def test_an_examples_digest_is_the_one_that_this_code_computes(path: Path) -> None:
    """Digests once given out are confirmed by every later version."""
    manifest = RunManifest.model_validate_json(path.read_bytes())
    assert manifest.digest in (None, manifest_digest(manifest))
    assert (manifest.digest is None) == (manifest.status == "pending")
