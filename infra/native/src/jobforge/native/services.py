"""The table of service processes, read from what each service's pyproject.toml registers."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jobforge.native.places import SERVICES
from jobforge.native.ports import LOOPBACK, Port, service_port


@dataclass(frozen=True, slots=True)
class Service:
    """A service and its port."""

    name: str
    kind: str
    port: Port

    @property
    def factory(self) -> str:
        """The ASGI app factory that uvicorn is given."""
        return f"jobforge.{self.name}.app:create_app"

    @property
    def url(self) -> str:
        """Where it answers, with the port that the environment chooses."""
        return f"http://{LOOPBACK}:{self.port.number()}"


def registered(folder: Path = SERVICES) -> tuple[Service, ...]:
    """Every service under ``services/``, sorted by port; there is no other list to add to."""
    found = []
    for path in folder.glob("*/pyproject.toml"):
        entry = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("jobforge")
        if entry is None:
            raise ValueError(f"{path} has no [tool.jobforge] with kind and port")
        name = path.parent.name
        found.append(Service(name, entry["kind"], service_port(name, entry["port"])))
    return tuple(sorted(found, key=lambda service: service.port.default))


def command(factory: str, port: int) -> list[str]:
    """The one uvicorn command that starts any service.

    Keep-alive outlives the client's pool; the graceful time-out leaves 3 s of the 25 s that a stop may take. No service
    asks for its caller's address or scheme, so that no proxy's header is looked for.
    """
    flags = ["--host", LOOPBACK, "--port", str(port), "--no-access-log", "--no-proxy-headers"]
    engine = ["--http", "httptools", "--loop", "uvloop"]
    stopping = ["--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "22"]
    return [sys.executable, "-m", "uvicorn", "--factory", factory, *flags, *engine, *stopping]
