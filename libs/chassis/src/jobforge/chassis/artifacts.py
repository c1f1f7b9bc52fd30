"""Files beside the log: what apps uploaded, what attempts wrote, and archived manifests."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from jobforge.chassis.artifact_paths import (
    ARTIFACTS,
    artifact_path,
    blob_path,
    manifest_path,
    object_path,
    parse_artifact,
    parse_location,
)
from jobforge.chassis.artifact_stores import open_store, put_many
from jobforge.chassis.uploads import TooLarge, Upload
from jobforge.contracts.base import Value
from jobforge.contracts.runs import ArtifactWritten

__all__ = ["ArtifactFile", "ArtifactStore", "NotFound", "ObjectInfo", "StoreUnavailable", "StoredObject", "TooLarge"]

_PROBE = "health/probe"
_READ_TRIES = 5
_PAGE = 200
_FULL = ("No space left on device", "StorageFull", "Disk quota exceeded", "QuotaExceeded", "InsufficientStorage")
"""How a file system and S3 servers say that there is no room; obstore passes their words on, and no number."""


class NotFound(Exception):
    """Nothing is stored at that location."""


class StoreUnavailable(Exception):
    """The store could not be reached, refused, or is full; the message says which, in one line."""

    @classmethod
    def because(cls, error: Exception) -> "StoreUnavailable":
        """What a store's own error means."""
        told = str(error)
        if any(sign in told for sign in _FULL):
            return cls("the disk of the artifact store is full (no space left on device): free some, or enlarge it")
        return cls(told.partition("\n")[0])


@dataclass(frozen=True)
class ObjectInfo:
    """An uploaded object; ``size`` in bytes, ``sha256`` in hex."""

    kind: str
    object_id: str
    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True)
class StoredObject:
    """An uploaded object with its bytes."""

    kind: str
    object_id: str
    data: bytes
    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file that some attempt of a run wrote, as the store lists it; ``size`` in bytes."""

    tenant_id: str
    run_id: UUID
    location: str
    size: int
    written_at: datetime


class _Pointer(Value):
    """The small document that makes an upload visible: replacing it replaces the object at once."""

    size: int
    sha256: str
    content_type: str
    blob: str


class ArtifactStore:
    """Reads and writes one store: ``file:///directory`` or ``s3://bucket[/prefix]``.

    S3 takes its credentials, region and endpoint from the standard ``AWS_*`` variables. Ids and names that could
    form another path raise ``ValueError`` before anything is touched; a store that cannot be reached raises
    ``StoreUnavailable``.
    """

    def __init__(self, url: str) -> None:
        self._store: ObjectStore = open_store(url)

    async def put_object(
        self,
        tenant_id: str,
        kind: str,
        object_id: str,
        chunks: AsyncIterator[bytes],
        *,
        content_type: str,
        limit: int,
    ) -> ObjectInfo:
        """Store an upload as it streams in; it replaces an older one at once, when its last byte is stored.

        Raises ``TooLarge`` above ``limit`` bytes. A failed, refused or cancelled upload leaves nothing behind and the
        older one as it was.
        """
        at = object_path(tenant_id, kind, object_id)
        name = uuid4().hex
        upload = Upload(self._store, blob_path(at, name), limit=limit)
        try:
            await upload.run(chunks)
            older = await self._pointer(at)
            pointer = _Pointer(size=upload.size, sha256=upload.sha256, content_type=content_type, blob=name)
            await self._put(at, pointer.model_dump_json().encode())
        except BaseError as error:
            await upload.discard()
            raise StoreUnavailable.because(error) from error
        except BaseException:
            await upload.discard()
            raise
        if older is not None:
            await self._delete(blob_path(at, older.blob))
        return ObjectInfo(kind, object_id, upload.size, upload.sha256, content_type)

    async def read_object(self, tenant_id: str, kind: str, object_id: str) -> StoredObject | None:
        """An uploaded object, or None. An upload that replaces it meanwhile gives one of the two, never a mixture."""
        at = object_path(tenant_id, kind, object_id)
        for _ in range(_READ_TRIES):
            pointer = await self._pointer(at)
            if pointer is None:
                return None
            data = await self._get(blob_path(at, pointer.blob))
            if data is not None:
                return StoredObject(kind, object_id, data, pointer.size, pointer.sha256, pointer.content_type)
            # It was replaced, and its old bytes deleted, between the two reads.
        raise StoreUnavailable(f"the bytes of {kind} {object_id} are missing from the store")

    async def write_artifact(
        self, tenant_id: str, run_id: UUID | str, attempt: int, claim: str, name: str, data: bytes, media_type: str
    ) -> ArtifactWritten:
        """Store a file of one attempt; another claim of the same run never touches it."""
        location = artifact_path(tenant_id, str(run_id), attempt, claim, name)
        await self._put(location, data)
        return ArtifactWritten(
            name=name,
            media_type=media_type,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            location=location,
        )

    async def read(self, location: str) -> bytes:
        """The bytes of an artifact; raises ``NotFound``."""
        data = await self._get(parse_location(location))
        if data is None:
            raise NotFound(location)
        return data

    async def stream(self, location: str) -> AsyncIterator[bytes]:
        """The bytes of an artifact in pieces of about 256 KiB; the first one raises ``NotFound``."""
        try:
            found = await obstore.get_async(self._store, parse_location(location))
            async for piece in found.stream(min_chunk_size=256 * 1024):
                yield bytes(piece)
        except FileNotFoundError as error:
            raise NotFound(location) from error
        except BaseError as error:
            raise StoreUnavailable.because(error) from error

    async def list_artifacts(self) -> AsyncIterator[list[ArtifactFile]]:
        """Every artifact of every attempt, some hundred at a time; those of one run mostly come together."""
        try:
            async for page in obstore.list(self._store, ARTIFACTS, chunk_size=_PAGE):
                yield [
                    ArtifactFile(*named, one["path"], one["size"], one["last_modified"])
                    for one in page
                    if (named := parse_artifact(one["path"])) is not None
                ]
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error

    async def delete_artifact(self, location: str) -> bool:
        """Whether it was still there to be deleted; a bucket cannot tell and says yes."""
        try:
            await obstore.delete_async(self._store, parse_location(location))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return True

    async def write_manifest(self, tenant_id: str, run_id: UUID | str, data: bytes) -> None:
        """Archive a terminal manifest; writing it again replaces it at once."""
        await self.write_manifests({(tenant_id, run_id): data})

    async def write_manifests(self, manifests: Mapping[tuple[str, UUID | str], bytes]) -> None:
        """Archive many at once, by tenant and run; when it fails, some may be written."""
        files = {manifest_path(tenant_id, str(run_id)): data for (tenant_id, run_id), data in manifests.items()}
        try:
            await put_many(self._store, files)
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error

    async def read_manifest(self, tenant_id: str, run_id: UUID | str) -> bytes | None:
        """An archived manifest, or None."""
        return await self._get(manifest_path(tenant_id, str(run_id)))

    async def ping(self) -> None:
        """Write a few bytes and read them back; raises ``StoreUnavailable`` when that does not work."""
        token = uuid4().hex.encode()
        await self._put(_PROBE, token)
        if await self._get(_PROBE) is None:
            raise StoreUnavailable("what was written cannot be read")

    async def _pointer(self, at: str) -> _Pointer | None:
        document = await self._get(at)
        return None if document is None else _Pointer.model_validate_json(document)

    async def _put(self, path: str, data: bytes) -> None:
        try:
            await obstore.put_async(self._store, path, data, use_multipart=False)
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error

    async def _get(self, path: str) -> bytes | None:
        try:
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise StoreUnavailable.because(error) from error

    async def _delete(self, path: str) -> None:
        """Bytes that nothing points at any more: failing to delete them costs room and nothing else."""
        with suppress(BaseError, OSError):
            await obstore.delete_async(self._store, path)
