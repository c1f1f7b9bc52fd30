"""Digests of artifacts, straight from the store that an artifact URL names."""

import hashlib
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store


class StoreUnreachable(ConnectionError):
    """The artifact store cannot be read."""


class ArtifactBytes:
    """Reads ``file:///directory`` or ``s3://bucket[/prefix]`` (with the standard ``AWS_*`` variables); never writes."""

    def __init__(self, url: str) -> None:
        self._store = _open(url)

    async def sha256(self, location: str) -> str | None:
        """The digest (hex) of the bytes there, or None if there are none; raises ``StoreUnreachable``."""
        digest = hashlib.sha256()
        try:
            found = await obstore.get_async(self._store, location)
            async for piece in found.stream(min_chunk_size=256 * 1024):
                digest.update(piece)
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StoreUnreachable(f"the artifact store cannot be read: {error}") from error
        return digest.hexdigest()


def _open(url: str) -> ObjectStore:
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.startswith("/"):
        try:
            return LocalStore(unquote(parts.path))
        except (BaseError, OSError) as error:
            raise StoreUnreachable(f"the artifact store cannot be read: {error}") from error
    if parts.scheme == "s3" and parts.netloc:
        return S3Store(parts.netloc, prefix=parts.path.strip("/") or None, client_options={"allow_http": True})
    raise ValueError(f"artifacts stand at file:///directory or s3://bucket[/prefix], not at {url!r:.200}")
