"""The stores an artifact URL can name: a directory, or an S3 bucket."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from random import getrandbits
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, S3Store

_TIMEOUT = timedelta(seconds=30)
_RETRY_FOR = timedelta(seconds=10)
_AT_ONCE = 16
"""Files on their way to a bucket at a time."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def open_store(url: str) -> ObjectStore:
    """The store at ``file:///directory`` (made when missing) or ``s3://bucket[/prefix]``; else ``ValueError``."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _directory(url, parts.netloc, unquote(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, parts.path.strip("/"))
    raise ValueError(f"JOBFORGE_ARTIFACTS_URL must be file:///directory or s3://bucket[/prefix], not {url!r}")


async def put_many(store: ObjectStore, files: Mapping[str, bytes]) -> None:
    """Store small files by path, each replaced at once; raises what the store raises.

    Into a directory they go in one thread: a thread's turn for each would cost three times what the files do.
    """
    if isinstance(store, LocalStore) and store.prefix is not None:
        await asyncio.to_thread(_write_files, Path(store.prefix), files)
        return
    paths = list(files)
    for some in (paths[at : at + _AT_ONCE] for at in range(0, len(paths), _AT_ONCE)):
        await asyncio.gather(*(obstore.put_async(store, path, files[path], use_multipart=False) for path in some))


def _write_files(root: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        at = f"{root}/{path}"
        half = Path(f"{at}#{getrandbits(48)}")  # a name that the store takes for a half-written file
        try:
            _write(half, data)
            half.rename(at)
        except OSError:
            half.unlink(missing_ok=True)
            raise


def _write(file: Path, data: bytes) -> None:
    """Without a file object, which asks the system three more things."""
    try:
        opened = os.open(file, _NEW, 0o666)
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(file, _NEW, 0o666)
    try:
        while data:
            data = data[os.write(opened, data) :]
    finally:
        os.close(opened)


def _directory(url: str, host: str, path: str) -> ObjectStore:
    if host not in ("", "localhost") or not path.startswith("/"):
        raise ValueError(f"JOBFORGE_ARTIFACTS_URL must name an absolute directory (file:///directory), not {url!r}")
    return LocalStore(Path(path), mkdir=True, automatic_cleanup=True)


def _bucket(bucket: str, prefix: str) -> ObjectStore:
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={"timeout": _TIMEOUT, "allow_http": True},
        retry_config={"max_retries": 3, "retry_timeout": _RETRY_FOR},
    )
