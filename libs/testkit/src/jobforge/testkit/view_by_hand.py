"""The view's part about unfinished runs, written by a test: rows, open runs, leases and watermarks."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from jobforge.chassis import view_names
from jobforge.chassis.wire import Partition, Position
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import JobRequested


class ViewByHand:
    """What the projection and the workers would have written."""

    def __init__(self, redis: Redis, *, partitions: int) -> None:
        self._redis = redis
        self._partitions = partitions

    async def accepted(self, request: JobRequested, at: Position) -> None:
        """The request, which stands there, is folded."""
        row = {
            "template_key": request.template_key,
            "template_version": request.template_version,
            "trace_id": request.trace_id,
            "requested_at": request.requested_at.isoformat(),
            "start_by": None if request.start_by is None else request.start_by.isoformat(),
            "topic": at.topic,
            "offset": at.offset,
        }
        await self._set(request, "request", json.dumps(row))
        await self._look_at(request, _millis(request.requested_at + timedelta(seconds=60)), xx=False)

    async def lived(
        self, request: JobRequested, status: str, *, started_at: datetime, attempt: int = 1, deadline: datetime | None
    ) -> None:
        """What an attempt did is folded."""
        start: dict[str, Any] = {"number": attempt, "claim": "c1", "worker": "w1", "started_at": started_at.isoformat()}
        if deadline is not None:
            start["deadline"] = deadline.isoformat()
        run = {"offset": 0, "status": status, "attempt": attempt, "starts": [start]}
        await self._set(request, "run", json.dumps(run))

    async def canceled(self, request: JobRequested) -> None:
        """A request to cancel is folded."""
        await self._set(request, "cancel", "1")
        await self._look_at(request, 0, xx=True)

    async def ended(self, tenant_id: str, run_id: UUID) -> None:
        """The run's end is folded, and was folded before its request: it is still among the open ones."""
        await self._redis.hset(view_names.row(tenant_id, run_id), "manifest", "{}")

    async def leased(self, request: JobRequested, seconds: float) -> None:
        """A worker holds the run for so long, by the clock of Redis."""
        clock: Any = await self._redis.time()
        until = int(clock[0] * 1000 + seconds * 1000)
        await self._redis.set(view_names.lease(request.tenant_id, request.run_id), f"1:{until}:c1")

    async def reached(self, ends: Mapping[Partition, int]) -> None:
        """The view has reached these ends of the log."""
        marks: dict[Any, Any] = {view_names.watermark(at): end for at, end in ends.items()}
        await self._redis.hset(view_names.WATERMARKS, mapping=marks)

    async def open(self) -> dict[str, float]:
        """Every open run, and when it is looked at (seconds since the epoch)."""
        found: dict[str, float] = {}
        for number in range(self._partitions):
            members: Any = await self._redis.zrange(view_names.open_runs(number), 0, -1, withscores=True)
            found |= {name.decode(): score / 1000 for name, score in members}
        return found

    def partition(self, request: JobRequested) -> int:
        """Where the run lives."""
        return partition_of(run_key(request.tenant_id, request.run_id), self._partitions)

    async def _set(self, request: JobRequested, field: str, value: str) -> None:
        await self._redis.hset(view_names.row(request.tenant_id, request.run_id), field, value)

    async def _look_at(self, request: JobRequested, score: int, *, xx: bool) -> None:
        name = run_key(request.tenant_id, request.run_id).decode()
        await self._redis.zadd(view_names.open_runs(self.partition(request)), {name: score}, xx=xx)


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
