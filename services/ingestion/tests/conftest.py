"""A whole door in memory: the log, the control state, Redis and the object store of a plane with two templates."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.control import ControlView
from jobforge.chassis.redis_line import Command
from jobforge.chassis.settings import Settings
from jobforge.chassis.spans import AttributeValue, SpanContext
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.control import AppRegistered, ControlMessage, FlagSet, TemplateAnnounced, TemplateSwitched
from jobforge.ingestion.app import Plane, create_door
from jobforge.ingestion.door import Door
from jobforge.ingestion.recall import Recall
from jobforge.testkit.builders import template_announced
from jobforge.testkit.memory import MemoryLog

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PARTITIONS = 4
INPUTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "contract_id": {"type": "string", "maxLength": 40},
        "analysis_type": {"type": "string", "enum": ["full", "summary"]},
        "pages": {"type": "array", "items": {"type": "integer", "minimum": 1}},
    },
    "required": ["contract_id", "analysis_type"],
    "additionalProperties": False,
}


def template(key: str, **more: Any) -> TemplateAnnounced:
    """An announced template that takes ``INPUTS``."""
    return template_announced(key, **{"input_schema": INPUTS, "announced_at": NOW, **more})


class MemoryRedis:
    """As much of Redis as the door uses; ``broken`` fails every question."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.broken = False
        self.trips = 0

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Answer ``SET name value NX [GET] EX seconds``."""
        self.trips += 1
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectionError("Redis is away")
        return [self._set(str(name), str(value), get="GET" in rest) for _, name, value, *rest in commands]

    async def close(self) -> None:
        """Nothing is open."""

    def _set(self, name: str, value: str, *, get: bool) -> bytes | None:
        before = self.kept.get(name)
        self.kept.setdefault(name, value.encode())
        if get:
            return before
        return b"OK" if before is None else None


class RecordingTelemetry(Telemetry):
    """Keeps the root spans that it was asked for."""

    def __init__(self) -> None:
        super().__init__(service="test", version="0", endpoint=None, environment={})
        self.roots: list[tuple[str, Mapping[str, AttributeValue]]] = []

    def root_span(self, trace_id: str, attributes: Mapping[str, AttributeValue]) -> SpanContext:
        self.roots.append((trace_id, attributes))
        return super().root_span(trace_id, attributes)


@dataclass
class DoorInMemory:
    """The door, and everything behind it to look at and to break."""

    settings: Settings
    log: MemoryLog
    control: ControlView
    redis: MemoryRedis
    telemetry: RecordingTelemetry
    plane: Plane
    app: Door
    client: httpx.AsyncClient
    events: str = "jobforge.events.settler"
    jobs: str = "jobforge.jobs.settler"
    event: dict[str, Any] = field(
        default_factory=lambda: {
            "tenant_id": "acme",
            "event_type": "settler.contract.uploaded",
            "trace_id": "trace_1_abc",
            "source_app": "settler",
            "subject": {"type": "contract", "id": "c-17"},
            "payload": {"contract_id": "c-17", "party": {"email": "a@b.c"}},
        }
    )
    job: dict[str, Any] = field(
        default_factory=lambda: {
            "tenant_id": "acme",
            "template_key": "settler.contract.process",
            "inputs": {"contract_id": "c-17", "analysis_type": "full"},
            "trace_id": "trace_1_abc",
            "actor_id": "settler-service",
        }
    )

    def put(self, *messages: ControlMessage) -> None:
        """Let control say something."""
        for message in messages:
            self.control.apply(message.key, message.to_bytes())

    def switch(self, name: str, enabled: bool) -> None:
        """Set a flag or a template."""
        if name.startswith("JOBFORGE_"):
            self.put(FlagSet(name=name, enabled=enabled, set_at=NOW))
        else:
            self.put(TemplateSwitched(template_key=name, enabled=enabled, switched_at=NOW))


def open_door(folder: Path, **settings: Any) -> DoorInMemory:
    """A door in memory with the apps settler, aias and jobforge."""
    store = f"file://{folder}/store"
    told = Settings(**{"profile": "development", "partitions": PARTITIONS, "artifacts_url": store, **settings})
    domains, apps = ("settler", "autopilot", "keys"), ("settler", "aias", "jobforge")
    log = MemoryLog(
        {
            **{f"jobforge.events.{app}": PARTITIONS for app in apps},
            **{f"jobforge.inbox.{app}": PARTITIONS for app in apps},
            **{f"jobforge.jobs.{domain}": PARTITIONS for domain in domains},
            **{f"jobforge.jobs.{domain}.slow": PARTITIONS for domain in domains},
            "jobforge.runs": PARTITIONS,
            "jobforge.rejected": 1,
            "jobforge.control": 1,
        }
    )
    control, redis, telemetry = ControlView(told), MemoryRedis(), RecordingTelemetry()
    plane = Plane(
        publisher=log.publisher(),
        control=control,
        recall=Recall(redis),
        objects=ArtifactStore(store),
        telemetry=telemetry,
    )
    app = create_door(told, plane)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://door")
    door = DoorInMemory(told, log, control, redis, telemetry, plane, app, client)
    door.put(*(AppRegistered(source_app=name) for name in apps))
    door.put(
        template("settler.contract.process"),
        template("autopilot.ops.scan"),
        template("keys.key.rotate", effects="keyed", scopes=("keys:write",)),
    )
    return door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[DoorInMemory]:
    """A door in the development profile."""
    opened = open_door(tmp_path)
    async with opened.client:
        yield opened


@pytest.fixture
async def strict_door(tmp_path: Path) -> AsyncIterator[DoorInMemory]:
    """A door in the production profile: everything is off until switched on."""
    opened = open_door(tmp_path, profile="production")
    async with opened.client:
        yield opened


@pytest.fixture
async def small_door(tmp_path: Path) -> AsyncIterator[DoorInMemory]:
    """A door that takes objects of 10,000 bytes at most."""
    opened = open_door(tmp_path, max_object_bytes=10_000)
    async with opened.client:
        yield opened


@pytest.fixture
async def wide_door(tmp_path: Path) -> AsyncIterator[DoorInMemory]:
    """A door that takes records of 1 MiB, the most it may be told to."""
    opened = open_door(tmp_path, max_record_bytes=1024 * 1024)
    async with opened.client:
        yield opened
