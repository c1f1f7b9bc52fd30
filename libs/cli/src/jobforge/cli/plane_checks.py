"""Which ports a plane needs, and which parts of one answer."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from jobforge.cli.machine_checks import Check
from jobforge.cli.setting import listens
from jobforge.cli.spans import jaeger_url
from jobforge.client.options import Options


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a plane on this machine listens on, and the variable that moves it."""

    what: str
    variable: str
    default: int

    def number(self) -> int:
        """The port as the environment says, else the default."""
        told = os.environ.get(self.variable, "")
        return int(told) if told.isdigit() else self.default


PORTS = (
    Port("ingestion", "JOBFORGE_INGESTION_PORT", 8080),
    Port("manifest", "JOBFORGE_MANIFEST_PORT", 8081),
    Port("settler", "JOBFORGE_SETTLER_PORT", 8091),
    Port("aias", "JOBFORGE_AIAS_PORT", 8092),
    Port("keys", "JOBFORGE_KEYS_PORT", 8093),
    Port("readylayer", "JOBFORGE_READYLAYER_PORT", 8094),
    Port("autopilot", "JOBFORGE_AUTOPILOT_PORT", 8095),
    Port("Kafka", "JOBFORGE_KAFKA_PORT", 9092),
    Port("Redis", "JOBFORGE_REDIS_PORT", 6379),
    Port("Jaeger", "JOBFORGE_JAEGER_PORT", 16686),
    Port("OTLP over gRPC", "JOBFORGE_OTLP_GRPC_PORT", 4317),
    Port("OTLP over HTTP", "JOBFORGE_OTLP_HTTP_PORT", 4318),
)


def check_plane() -> Iterator[Check]:
    """Which parts of a plane answer where the environment says; none of it is needed to start one."""
    options = Options.resolve(url=None, query_url=None, api_key=None, timeout=None)
    yield _check_door("ingestion door", options.url, "JOBFORGE_URL")
    yield _check_door("manifest door", options.query_url, "JOBFORGE_QUERY_URL")
    kafka = os.environ.get("JOBFORGE_KAFKA_BOOTSTRAP") or "127.0.0.1:9092"
    yield _check_tcp("Kafka", kafka.partition(",")[0], "JOBFORGE_KAFKA_BOOTSTRAP")
    redis = urlsplit(os.environ.get("JOBFORGE_REDIS_URL") or "redis://127.0.0.1:6379/0")
    yield _check_tcp("Redis", f"{redis.hostname}:{redis.port or 6379}", "JOBFORGE_REDIS_URL")
    yield _check_jaeger()


def _check_door(name: str, url: str, variable: str) -> Check:
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5)
    except httpx.HTTPError:
        return Check("plane", name, "note", f"nothing answers at {url}", f"make up starts a plane; or set {variable}")
    if answer.is_success:
        return Check("plane", name, "ok", url)
    return Check("plane", name, "note", f"{url} is not ready ({answer.status_code})", f"see {url}/readyz")


def _check_tcp(name: str, address: str, variable: str) -> Check:
    host, _, port = address.rpartition(":")
    if port.isdigit() and listens(host, int(port)):
        return Check("plane", name, "ok", address)
    return Check("plane", name, "note", f"nothing listens at {address}", f"make up starts it; or set {variable}")


def _check_jaeger() -> Check:
    url = jaeger_url()
    try:
        answer = httpx.get(f"{url}/api/v3/services", timeout=5)
    except httpx.HTTPError:
        return Check("plane", "Jaeger", "note", f"nothing answers at {url}", "traces are kept nowhere")
    return Check("plane", "Jaeger", "ok" if answer.is_success else "note", url)


def check_ports(*, running: bool) -> Iterator[Check]:
    """Whether the ports of a new plane are free; those of the plane that is running are its own."""
    for port in PORTS:
        number = port.number()
        if not listens("127.0.0.1", number):
            yield Check("ports", f"{number} ({port.what})", "ok", "free")
        elif running:
            yield Check("ports", f"{number} ({port.what})", "ok", "used by the plane that is running")
        else:
            remedy = f"stop what listens there, or set {port.variable} to another port"
            yield Check("ports", f"{number} ({port.what})", "missing", "taken", remedy)
