"""What every command shares: its options, its client and where its words go."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from pydantic import BaseModel
from rich.console import Console

from jobforge.cli.failures import UNREACHABLE, Stop
from jobforge.client import JobForgeClient
from jobforge.client.options import Options

Tenant = Annotated[
    str, typer.Option("--tenant", envvar="JOBFORGE_TENANT", help="Whose data this is.", show_default=False)
]
AnyTenant = Annotated[str, typer.Option("--tenant", envvar="JOBFORGE_TENANT", hidden=True)]
"""For commands that concern no tenant, so that each command takes the option."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.", show_default=False)]

CALL_TIMEOUT = 20.0
"""Seconds for one call: above the 12 that the plane needs to say that Kafka does not answer."""
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def out() -> Console:
    """Where results go."""
    return Console(highlight=False)


def aside() -> Console:
    """Where progress and remarks go, so that results can be piped."""
    return Console(stderr=True, highlight=False)


@contextmanager
def plane() -> Iterator[JobForgeClient]:
    """A client from the environment; raises ``Stop`` at once when nothing listens on a local address."""
    with JobForgeClient(timeout=CALL_TIMEOUT) as client:
        check_reachable(client.options)
        yield client


def check_reachable(options: Options) -> None:
    """Raises ``Stop`` when a door on this machine is not there; a remote one is left to the call itself."""
    for url, variable in ((options.url, "JOBFORGE_URL"), (options.query_url, "JOBFORGE_QUERY_URL")):
        address = urlsplit(url)
        if address.hostname not in _LOCAL:
            continue
        port = address.port or (443 if address.scheme == "https" else 80)
        if not listens(address.hostname or "", port):
            raise Stop(
                f"JobForge cannot be reached at {url} ({variable})",
                remedy=f"Start a plane with make up, or set {variable}; jobforge doctor says what is missing.",
                code=UNREACHABLE,
            )


def listens(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether something takes connections there."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError:
        return False
    return True


def print_json(value: Any) -> None:
    """Prints a model, or plain data, as indented JSON."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))
