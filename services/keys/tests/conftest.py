"""Usage events as the plane writes them, and a store in a directory."""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobforge.contracts.envelope import EventEnvelope, EventSubject
from jobforge.keys.feed import TOPIC
from jobforge.keys.rows import Batch, to_files
from jobforge.keys.usage_store import UsageStore


@pytest.fixture
def usage() -> Callable[..., bytes]:
    """Makes a record's value: ``usage("key-1", 3, 400, at=noon)``."""

    def event(
        key: Any = "key-1",
        requests: Any = 1,
        transferred: Any = 10,
        *,
        at: datetime,
        received: datetime | None = None,
        event_id: UUID | None = None,
        **more: Any,
    ) -> bytes:
        envelope = {
            "event_id": event_id or UUID(int=random.getrandbits(128)),
            "tenant_id": "acme",
            "event_type": "keys.usage.recorded",
            "trace_id": "trace_1763938000001_k3x9q2m7a",
            "source_app": "keys",
            "subject": EventSubject(type="api_key", id="key-1"),
            "payload": {"key_id": key, "requests": requests, "bytes_transferred": transferred},
            "occurred_at": at,
            "received_at": received or at + timedelta(seconds=1),
        }
        return EventEnvelope(**(envelope | more)).to_bytes()

    return event


@pytest.fixture
def store(tmp_path: Path) -> UsageStore:
    """An empty one."""
    return UsageStore((tmp_path / "artifacts").as_uri())


@pytest.fixture
def keep(store: UsageStore) -> Callable[..., Awaitable[list[str]]]:
    """Stores values as consecutive records of a partition: ``await keep(values, first=0)``; the files' paths."""

    async def stored(values: Sequence[bytes], *, first: int = 0, partition: int = 0) -> list[str]:
        files = to_files([Batch(TOPIC, partition, list(enumerate(values, first)))]).files
        await store.put(files)
        return sorted(files)

    return stored
