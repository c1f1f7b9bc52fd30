"""One upload into the artifact store: counted, hashed and limited while it streams, and undone when it fails."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

PART = 5 * 1024 * 1024
"""Bytes kept in memory at a time; the smallest part S3 takes."""
PARTS_AT_ONCE = 2
ABORT_TIMEOUT = 10.0
"""Seconds that a cancelled upload may take to undo itself."""


class TooLarge(Exception):
    """The upload is larger than it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"larger than {limit} bytes")
        self.limit = limit


class Abandoned(Exception):
    """Whoever sent the upload is gone."""


class Upload:
    """Streams chunks to ``path``. ``size`` (bytes) and ``sha256`` (hex) hold once ``run`` has returned."""

    def __init__(self, store: ObjectStore, path: str, *, limit: int) -> None:
        self.size = 0
        self._store = store
        self._path = path
        self._limit = limit
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what was stored."""
        return self._hash.hexdigest()

    async def run(self, chunks: AsyncIterator[bytes]) -> None:
        """Store all chunks under the path, or nothing. Raises ``TooLarge`` and whatever ``chunks`` raises."""
        left = asyncio.get_running_loop().create_future()
        storing = asyncio.ensure_future(
            obstore.put_async(
                self._store, self._path, self._counted(chunks, left), chunk_size=PART, max_concurrency=PARTS_AT_ONCE
            )
        )
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            # Cancelling the store's own task would leave the parts that S3 already holds; an error from the feed
            # makes the store abort the upload by itself.
            left.set_exception(Abandoned())
            with suppress(Exception):
                async with asyncio.timeout(ABORT_TIMEOUT):
                    await storing
            raise
        finally:
            left.cancel()

    async def discard(self) -> None:
        """Delete the bytes, if they got as far as being stored."""
        with suppress(BaseError, OSError):
            await obstore.delete_async(self._store, self._path)

    async def _counted(self, chunks: AsyncIterator[bytes], left: "asyncio.Future[None]") -> AsyncIterator[bytes]:
        while True:
            pull = asyncio.ensure_future(anext(chunks, None))
            either: set[asyncio.Future[Any]] = {pull, left}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                pull.cancel()
                await left
            chunk = pull.result()
            if chunk is None:
                return
            self.size += len(chunk)
            if self.size > self._limit:
                raise TooLarge(self._limit)
            self._hash.update(chunk)
            if chunk:
                yield chunk
