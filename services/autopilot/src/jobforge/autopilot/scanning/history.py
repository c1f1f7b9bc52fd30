"""Keeps the results of scans, by tenant and target, so that the next one can tell what changed."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from jobforge.autopilot.scanning.results import Check, CheckName, Verdict, total_score
from jobforge.chassis.artifact_stores import open_store
from jobforge.contracts.base import ID_PATTERN
from jobforge.execution.errors import ArtifactsUnavailable

KEPT = 20
"""Results of one target that are kept; older ones are deleted."""
_ID = re.compile(ID_PATTERN)


class Result(BaseModel):
    """One scan of a target."""

    model_config = ConfigDict(frozen=True)

    run_id: UUID
    seen_at: AwareDatetime
    score: int
    verdict: Verdict
    checks: list[Check]


class Trend(BaseModel):
    """What changed since the last scan, over the checks that both made in the same way."""

    previous_run_id: UUID
    previous_seen_at: AwareDatetime
    compared: list[CheckName]
    previous_score: int
    score: int
    appeared: list[str]
    """Ids of findings that were not there."""
    gone: list[str]
    earlier_scores: list[int]
    """Scores of earlier scans as they were given, oldest first."""


def trend(result: Result, earlier: Sequence[Result]) -> Trend | None:
    """Against the newest of the earlier results (oldest first); None if there is nothing to compare."""
    if not earlier:
        return None
    last = earlier[-1]
    before = {each.name: each for each in last.checks if each.score is not None}
    now = {each.name: each for each in result.checks if each.score is not None}
    compared = [name for name in now if name in before and _method(now[name]) == _method(before[name])]
    if not compared:
        return None
    had = {each.id for name in compared for each in before[name].findings}
    has = {each.id for name in compared for each in now[name].findings}
    return Trend(
        previous_run_id=last.run_id,
        previous_seen_at=last.seen_at,
        compared=compared,
        previous_score=total_score(before[name] for name in compared),
        score=total_score(now[name] for name in compared),
        appeared=sorted(has - had),
        gone=sorted(had - has),
        earlier_scores=[each.score for each in earlier],
    )


class History:
    """Results on ``file:///directory`` or ``s3://bucket[/prefix]``: ``scans/<tenant>/<digest of the URL>/<run>.json``.

    A run's file bears its id, so that a second attempt replaces what the first one left, and never compares with it.
    Raises ``ArtifactsUnavailable``.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _store(self) -> ObjectStore:
        return open_store(self._url)

    async def earlier(self, tenant_id: str, target_url: str, run_id: UUID) -> list[Result]:
        """The results that other runs kept, oldest first."""
        found = []
        for path in await self._list(_folder(tenant_id, target_url)):
            if not path.endswith(f"/{run_id}.json") and (result := await self._read(path)) is not None:
                found.append(result)
        return sorted(found, key=_age)

    async def keep(self, tenant_id: str, target_url: str, result: Result, earlier: Sequence[Result]) -> None:
        """Keep a result, and forget the oldest of the earlier ones beyond ``KEPT`` together."""
        folder = _folder(tenant_id, target_url)
        try:
            path = f"{folder}/{result.run_id}.json"
            await obstore.put_async(self._store, path, result.model_dump_json().encode(), use_multipart=False)
            for each in earlier[: max(0, len(earlier) + 1 - KEPT)]:
                with suppress(FileNotFoundError):  # another scan has forgotten it meanwhile
                    await obstore.delete_async(self._store, f"{folder}/{each.run_id}.json")
        except (BaseError, OSError) as error:
            raise ArtifactsUnavailable(str(error).partition("\n")[0]) from error

    async def _list(self, folder: str) -> list[str]:
        try:
            listed = await obstore.list_with_delimiter_async(self._store, folder)
        except (BaseError, OSError) as error:
            raise ArtifactsUnavailable(str(error).partition("\n")[0]) from error
        return [each["path"] for each in listed["objects"]]

    async def _read(self, path: str) -> Result | None:
        """None for what another job deleted meanwhile, and for what this version cannot read."""
        try:
            answer = await obstore.get_async(self._store, path)
            return Result.model_validate_json(bytes(await answer.bytes_async()))
        except (FileNotFoundError, ValidationError):
            return None
        except (BaseError, OSError) as error:
            raise ArtifactsUnavailable(str(error).partition("\n")[0]) from error


def _method(check: Check) -> str:
    """What found a check's findings, without its version: two that look in different ways differ in what they see."""
    return str(check.measured.get("method", "")).partition(" ")[0]


def _age(result: Result) -> datetime:
    return result.seen_at


def _folder(tenant_id: str, target_url: str) -> str:
    if _ID.fullmatch(tenant_id) is None:
        raise ValueError(f"not an id: {tenant_id!r:.100}")
    return f"scans/{tenant_id}/{hashlib.sha256(target_url.encode()).hexdigest()[:32]}"
