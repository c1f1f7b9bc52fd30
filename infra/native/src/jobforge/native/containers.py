"""What containers share with native processes: their images, and Kafka's settings as its image takes them."""

from functools import cache

import yaml

from jobforge.native.places import INFRA, ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
LISTENER_SETTINGS = frozenset(
    {
        "log.dirs",
        "listeners",
        "advertised.listeners",
        "listener.security.protocol.map",
        "controller.quorum.bootstrap.servers",
        "num.partitions",
    }
)
"""What depends on where the broker runs; all else is the same in both modes."""


@cache
def image(service: str) -> str:
    """The image that ``docker-compose.yml`` runs this service with."""
    found: str = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))["services"][service]["image"]
    return found


def kafka_settings() -> dict[str, str]:
    """The broker settings that do not depend on where it runs, from ``server.properties``."""
    lines = (INFRA / "kafka" / "server.properties").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value for name, value in pairs if name not in LISTENER_SETTINGS}


def kafka_environment(port: int, *, partitions: int) -> dict[str, str]:
    """The environment of one broker container that clients on this machine reach at ``port``."""
    settings = kafka_settings() | {
        "log.dirs": "/var/lib/kafka/data",
        "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:9093",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.quorum.voters": "1@127.0.0.1:9093",
        "num.partitions": str(partitions),
    }
    return {variable(name): value for name, value in settings.items()} | {"KAFKA_HEAP_OPTS": "-Xms128m -Xmx256m"}


def variable(setting: str) -> str:
    """The variable that the image reads a broker setting from."""
    return "KAFKA_" + setting.replace("-", "___").replace("_", "__").replace(".", "_").upper()
