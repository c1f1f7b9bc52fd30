"""Where indexes stand in the artifact store: a version appears at once and whole, and never instead of another's."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import uniform
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from jobforge.aias.errors import IndexBusy
from jobforge.aias.storing.version import IndexVersion
from jobforge.chassis.artifact_stores import open_store
from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.contracts.base import ID_PATTERN

TRIES = 50
KEPT = timedelta(hours=1)
"""How long the leftovers of crashed jobs and the numbers of superseded versions are kept: longer than any job runs, so
that a job never takes a number that was used before, nor loses a segment that it is about to commit."""

_ID = re.compile(ID_PATTERN)


class SegmentGone(Exception):
    """The segment was replaced meanwhile: the newest version of the index names others."""


class Shelf:
    """Indexes by tenant and name, on ``file:///directory`` or ``s3://bucket[/prefix]``.

    ``knowledge/<tenant>/<index>/versions/<number>.json`` names ``.../segments/<id>.safetensors``. A version is created
    and never overwritten: of two jobs that make the same number one fails and goes on from the other's. Raises
    ``StoreUnavailable`` for a store that cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _store(self) -> ObjectStore:
        return open_store(self._url)

    async def newest_number(self, tenant_id: str, index: str) -> int:
        """The number of the newest version; 0 if there is no such index."""
        return _number(max(await self._list(f"{_at(tenant_id, index)}/versions"), default=""))

    async def newest(self, tenant_id: str, index: str) -> IndexVersion | None:
        """The newest version, or None."""
        for _ in range(TRIES):
            number = await self.newest_number(tenant_id, index)
            if number == 0:
                return None
            # It may be superseded, and so emptied, between the two reads.
            if data := await self._get(_version(tenant_id, index, number)):
                return IndexVersion.model_validate_json(data)
        raise IndexBusy(f"the index {index} changed at each of {TRIES} reads; try again")

    async def commit(
        self, tenant_id: str, index: str, change: Callable[[IndexVersion | None], Awaitable[IndexVersion | None]]
    ) -> IndexVersion | None:
        """Make the next version out of the newest one, as often as other jobs are faster; ``None`` leaves it as it is.

        Segments that the new version no longer names are deleted. Raises ``IndexBusy``, and whatever ``change`` raises.
        """
        for attempt in range(TRIES):
            older = await self.newest(tenant_id, index)
            newer = await change(older)
            if newer is None:
                return older
            if await self._created(_version(tenant_id, index, newer.number), newer.model_dump_json().encode()):
                await self._clear(tenant_id, index, older, newer)
                return newer
            await asyncio.sleep(uniform(0, 0.01 * (attempt + 1)))  # noqa: S311 - nobody guesses it
        raise IndexBusy(
            f"other jobs changed the index {index} {TRIES} times; try again, or give more documents to a job"
        )

    async def write_segment(self, tenant_id: str, index: str, data: bytes) -> str:
        """Store a segment under a new name; nothing shows it before a version names it."""
        name = uuid4().hex
        try:
            await obstore.put_async(self._store, _segment(tenant_id, index, name), data, use_multipart=False)
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return name

    async def read_segment(self, tenant_id: str, index: str, name: str) -> bytes:
        """The bytes of a segment; raises ``SegmentGone``."""
        data = await self._get(_segment(tenant_id, index, name))
        if data is None:
            raise SegmentGone(name)
        return data

    async def _created(self, path: str, data: bytes) -> bool:
        try:
            await obstore.put_async(self._store, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return True

    async def _clear(self, tenant_id: str, index: str, older: IndexVersion | None, newer: IndexVersion) -> None:
        """Delete what the new version superseded, and what crashed jobs left; failing costs room and nothing else."""
        named = {entry.name for entry in newer.segments}
        before = {entry.name for entry in older.segments} if older else set()
        gone = [_segment(tenant_id, index, name) for name in before - named]
        with suppress(BaseError, OSError, StoreUnavailable):
            if older is not None:
                await obstore.put_async(self._store, _version(tenant_id, index, older.number), b"", use_multipart=False)
            now = datetime.now(UTC)
            for path, written in (await self._list(f"{_at(tenant_id, index)}/segments")).items():
                if path.rpartition("/")[2].partition(".")[0] not in named and now - written > KEPT:
                    gone.append(path)
            for path, written in (await self._list(f"{_at(tenant_id, index)}/versions")).items():
                if _number(path) < newer.number and now - written > KEPT:
                    gone.append(path)
            for path in set(gone):
                await obstore.delete_async(self._store, path)

    async def _list(self, folder: str) -> dict[str, datetime]:
        """When each object of a folder was written, by its path."""
        try:
            found = await obstore.list_with_delimiter_async(self._store, folder)
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return {each["path"]: each["last_modified"] for each in found["objects"]}

    async def _get(self, path: str) -> bytes | None:
        try:
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error


def _at(tenant_id: str, index: str) -> str:
    for name in (tenant_id, index):
        if _ID.fullmatch(name) is None:
            raise ValueError(f"not an id: {name!r:.100}")
    return f"knowledge/{tenant_id}/{index}"


def _version(tenant_id: str, index: str, number: int) -> str:
    return f"{_at(tenant_id, index)}/versions/{number:012d}.json"


def _segment(tenant_id: str, index: str, name: str) -> str:
    return f"{_at(tenant_id, index)}/segments/{name}.safetensors"


def _number(path: str) -> int:
    return int(path.rpartition("/")[2].partition(".")[0] or 0)
