"""Where the plane is and how long to wait for it: given values first, then the environment, then defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from jobforge.client.errors import JobForgeError

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_QUERY_URL = "http://127.0.0.1:8081"
DEFAULT_TIMEOUT = 30.0
"""Seconds that one call may take with all its repeats."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a client needs to know."""

    url: str
    query_url: str
    api_key: str | None
    timeout: float

    @classmethod
    def resolve(
        cls,
        *,
        url: str | None,
        query_url: str | None,
        api_key: str | None,
        timeout: float | None,
        environment: Mapping[str, str] | None = None,
    ) -> "Options":
        """The options; raises ``JobForgeError`` (``client.bad_option``) for what cannot work."""
        known = os.environ if environment is None else environment
        url = url or known.get("JOBFORGE_URL") or None
        query_url = query_url or known.get("JOBFORGE_QUERY_URL") or url or DEFAULT_QUERY_URL
        seconds = DEFAULT_TIMEOUT if timeout is None else timeout
        if seconds <= 0:
            raise JobForgeError(f"timeout must be above 0 seconds, not {seconds}", code="client.bad_option")
        return cls(
            url=_address(url or DEFAULT_URL, "JOBFORGE_URL"),
            query_url=_address(query_url, "JOBFORGE_QUERY_URL"),
            api_key=api_key or known.get("JOBFORGE_API_KEY") or None,
            timeout=seconds,
        )


def _address(url: str, variable: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise JobForgeError(f"{variable} must begin with http:// or https://, not {url!r}", code="client.bad_option")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and not any(sign.isspace() for sign in url)
    except ValueError:
        usable = False
    if not usable:
        raise JobForgeError(
            f"{variable} must be an address such as {DEFAULT_URL}, not {url!r}", code="client.bad_option"
        )
    return url.rstrip("/")
