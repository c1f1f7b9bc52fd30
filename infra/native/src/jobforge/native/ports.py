"""The ports of a plane, the variable that moves each, and the check that they are free."""

import os
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice

LOOPBACK = "127.0.0.1"
_LISTENING = range(20_000, 30_000)
_first = random.randrange(len(_LISTENING))  # noqa: S311 - so that two processes hardly meet
_turns = cycle([*_LISTENING[_first:], *_LISTENING[:_first]])


class PortTaken(Exception):
    """Something else listens on a port that the plane needs; the message names it and the variable to change."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port by default, and the environment variable that overrides it."""

    what: str
    variable: str
    default: int

    def number(self, environment: Mapping[str, str] | None = None) -> int:
        """The port to use; raises ``ValueError`` that names the variable when it holds no port."""
        value = (os.environ if environment is None else environment).get(self.variable)
        if not value:
            return self.default
        if not value.isdigit() or not 0 < int(value) < 65536:
            raise ValueError(f"{self.variable} must be a port between 1 and 65535, not {value!r}")
        return int(value)


KAFKA = Port("Kafka", "JOBFORGE_KAFKA_PORT", 9092)
KAFKA_CONTROLLER = Port("Kafka's controller", "JOBFORGE_KAFKA_CONTROLLER_PORT", 9093)
REDIS = Port("Valkey", "JOBFORGE_REDIS_PORT", 6379)
JAEGER = Port("Jaeger", "JOBFORGE_JAEGER_PORT", 16686)
JAEGER_GRPC = Port("Jaeger's gRPC", "JOBFORGE_JAEGER_GRPC_PORT", 16685)
JAEGER_HEALTH = Port("Jaeger's health", "JOBFORGE_JAEGER_HEALTH_PORT", 13133)
OTLP_GRPC = Port("OTLP over gRPC", "JOBFORGE_OTLP_GRPC_PORT", 4317)
OTLP_HTTP = Port("OTLP over HTTP", "JOBFORGE_OTLP_HTTP_PORT", 4318)
JAEGER_PORTS = (JAEGER, JAEGER_GRPC, JAEGER_HEALTH, OTLP_GRPC, OTLP_HTTP)


def service_port(service: str, default: int) -> Port:
    """The port of a service of ours."""
    return Port(service, f"JOBFORGE_{service.upper().replace('-', '_')}_PORT", default)


def is_free(number: int) -> bool:
    """Whether a server may listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return False
    return True


def require_free(ports: Iterable[Port]) -> None:
    """Raises ``PortTaken`` naming every port that is not free, and ``ValueError`` when two are the same."""
    seen: dict[int, Port] = {}
    taken = []
    for port in ports:
        number = port.number()
        if number in seen:
            raise ValueError(f"{port.variable} and {seen[number].variable} are both {number}")
        seen[number] = port
        if not is_free(number):
            taken.append(f"port {number} for {port.what} is taken: free it, or set {port.variable} to another")
    if taken:
        raise PortTaken("; ".join(taken))


def free_ports(count: int) -> list[int]:
    """Different ports that are free now, none of which this process was given lately; raises ``OSError``.

    They lie below those that systems give to outgoing connections, one of which might otherwise have taken a port by
    the time that a server listens on it.
    """
    found = list(islice(filter(is_free, islice(_turns, len(_LISTENING))), count))
    if len(found) == count:
        return found
    raise OSError(f"there are no {count} free ports from {_LISTENING.start} to {_LISTENING.stop - 1}")
