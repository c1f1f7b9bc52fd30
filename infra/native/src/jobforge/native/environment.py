"""The environment that services, clients and the demo are given for a plane on this machine."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from jobforge.native import ports
from jobforge.native.ports import LOOPBACK
from jobforge.native.services import Service, registered

DEFAULT_PARTITIONS = 8


def partitions() -> int:
    """The plane's partition count, from JOBFORGE_PARTITIONS."""
    return int(os.environ.get("JOBFORGE_PARTITIONS") or DEFAULT_PARTITIONS)


def plane_environment(runtime: Path, *, traces: bool) -> dict[str, str]:
    """What every service needs, over the current environment; without ``traces`` no spans are sent anywhere."""
    chosen = {
        "JOBFORGE_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{ports.KAFKA.number()}",
        "JOBFORGE_REDIS_URL": f"redis://{LOOPBACK}:{ports.REDIS.number()}/0",
        "JOBFORGE_JAEGER_URL": f"http://{LOOPBACK}:{ports.JAEGER.number()}",
        "JOBFORGE_PARTITIONS": str(partitions()),
        "JOBFORGE_PROFILE": os.environ.get("JOBFORGE_PROFILE", "development"),
        "JOBFORGE_ARTIFACTS_URL": os.environ.get("JOBFORGE_ARTIFACTS_URL", (runtime / "artifacts").as_uri()),
        "PYTHONUNBUFFERED": "1",
    }
    kept = {name: value for name, value in os.environ.items() if name != "OTEL_EXPORTER_OTLP_ENDPOINT"}
    if traces:
        chosen["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{LOOPBACK}:{ports.OTLP_HTTP.number()}"
    return kept | chosen | targets(runtime, registered())


def targets(runtime: Path, services: Iterable[Service]) -> dict[str, str]:
    """Registers a site of this machine as ``production``, for scans: the page of the query door's API.

    Writes the file that JOBFORGE_TARGETS_FILE then names; where that names one already, it is left alone.
    """
    if os.environ.get("JOBFORGE_TARGETS_FILE"):
        return {}
    runtime.mkdir(parents=True, exist_ok=True)
    file = runtime / "targets.yaml"
    pages = [f"{service.url}/docs" for service in services if service.kind == "view"]
    file.write_text("".join(f"- {{name: production, url: '{page}', allow_private: true}}\n" for page in pages))
    return {"JOBFORGE_TARGETS_FILE": str(file)}


def client_environment(services: tuple[Service, ...]) -> Mapping[str, str]:
    """What the command line and the client need to find the doors."""
    urls = {service.kind: service.url for service in services}
    return {
        "JOBFORGE_URL": urls["door"],
        "JOBFORGE_QUERY_URL": urls["view"],
        "JOBFORGE_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{ports.KAFKA.number()}",
        "JOBFORGE_REDIS_URL": f"redis://{LOOPBACK}:{ports.REDIS.number()}/0",
        "JOBFORGE_JAEGER_URL": f"http://{LOOPBACK}:{ports.JAEGER.number()}",
    }
