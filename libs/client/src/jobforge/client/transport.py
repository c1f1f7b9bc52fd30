"""What the blocking and the async client share: how a call becomes an httpx request, and its failures ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

from jobforge.client.errors import JobForgeInvalid, JobForgeTimeout, JobForgeUnavailable
from jobforge.client.exchange import Call, Reply
from jobforge.client.options import Options

_CONNECT = 5.0
_ANSWER_MARGIN = 5.0
CHUNK = 64 * 1024


def http_options(options: Options) -> dict[str, Any]:
    """The arguments of ``httpx.Client`` and ``httpx.AsyncClient``."""
    headers = {"user-agent": f"jobforge-client/{_version()}"}
    if options.api_key:
        headers["authorization"] = f"Bearer {options.api_key}"
    return {"headers": headers, "follow_redirects": False}


def _version() -> str:
    try:
        return version("jobforge-client")
    except PackageNotFoundError:
        return "0"


def request_options(options: Options, call: Call[Any], seconds: float) -> dict[str, Any]:
    """The arguments of ``build_request``, but for a body that is streamed from a file."""
    base = options.url if call.door == "ingestion" else options.query_url
    for name, value in call.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise JobForgeInvalid(f"{name} takes visible ASCII characters, not {value!r}", code="client.bad_header")
    held = call.patience + _ANSWER_MARGIN if call.patience else seconds
    return {
        "method": call.method,
        "url": base + call.path,
        "params": call.query(),
        "headers": dict(call.headers),
        "timeout": httpx.Timeout(held, connect=min(_CONNECT, seconds)),
    }


def reply_of(response: httpx.Response) -> Reply:
    """An answer whose body was read."""
    return Reply(response.status_code, lowered(response.headers), response.content, str(response.request.url))


def lowered(headers: httpx.Headers) -> Mapping[str, str]:
    """Headers by lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def failures(options: Options, call: Call[Any]) -> Iterator[None]:
    """Turns httpx's failures into ours."""
    base, variable = (
        (options.url, "JOBFORGE_URL") if call.door == "ingestion" else (options.query_url, "JOBFORGE_QUERY_URL")
    )
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise JobForgeUnavailable(
            f"JobForge cannot be reached at {base} ({variable}): {error or 'no connection in time'}",
            code="client.unreachable",
        ) from error
    except httpx.TimeoutException as error:
        raise JobForgeTimeout(f"{base} gave no answer in time", code="client.timeout") from error
    except httpx.TransportError as error:
        raise JobForgeUnavailable(
            f"the connection to {base} broke off: {error or type(error).__name__}", code="client.connection_lost"
        ) from error
