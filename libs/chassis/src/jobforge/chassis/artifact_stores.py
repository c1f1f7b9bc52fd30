"""The stores an artifact URL can name: a directory, or an S3 bucket."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.store import LocalStore, ObjectStore, S3Store

_TIMEOUT = timedelta(seconds=30)
_RETRY_FOR = timedelta(seconds=10)


def open_store(url: str) -> ObjectStore:
    """The store at ``file:///directory`` (made when missing) or ``s3://bucket[/prefix]``; else ``ValueError``."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _directory(url, parts.netloc, unquote(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, parts.path.strip("/"))
    raise ValueError(f"JOBFORGE_ARTIFACTS_URL must be file:///directory or s3://bucket[/prefix], not {url!r}")


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
