"""Kafka, Valkey and Jaeger as processes on free ports, in a folder that is removed afterwards."""

import atexit
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobforge.native import jaeger, kafka, ports, processes, valkey
from jobforge.native.processes import Running
from jobforge.testkit.backends import PARTITIONS

# A tied process dies with the thread that started it, so that thread must live as long as the test run: a caller's
# own may be one of an event loop's, which end with the loop.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="servers")


def _say(line: str) -> None:
    """Shown by pytest with a failing test, and at once under ``-s``."""
    print(line, flush=True)


class NativeServer:
    """One process that can be ended and started again."""

    def __init__(self, begin: Callable[[], Running], *, grace: float = 20.0) -> None:
        self._begin = begin
        self._grace = grace
        self.running: Running | None = None
        atexit.register(self.kill)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        if self.running is None or not self.running.alive:
            self.running = _STARTER.submit(self._begin).result()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace period."""
        if self.running:
            processes.stop([self.running], grace=self._grace)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.running:
            self.running.signal(signal.SIGKILL)
            processes.stop([self.running], grace=5)

    def pause(self) -> None:
        """SIGSTOP."""
        if self.running:
            self.running.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self.running:
            self.running.signal(signal.SIGCONT)


class NativeBackend:
    """The servers of one test session."""

    name = "native"

    def __init__(self, folder: Path, *, keep_redis: bool = True) -> None:
        self._keep_redis = keep_redis
        numbers = ports.free_ports(8)
        self._kafka = kafka.KafkaPlace(folder / "kafka", numbers[0], numbers[1], PARTITIONS)
        self._valkey = valkey.ValkeyPlace(folder / "valkey", numbers[2])
        self._jaeger = jaeger.JaegerPlace(folder / "jaeger", *numbers[3:])
        self.kafka = NativeServer(self._begin_kafka)
        self.valkey = NativeServer(self._begin_valkey)
        self.jaeger = NativeServer(self._begin_jaeger, grace=1.0)
        self.kafka_bootstrap = self._kafka.bootstrap
        self.redis_url = self._valkey.url
        self.jaeger_url = self._jaeger.url
        self.otlp_endpoint = self._jaeger.otlp_endpoint

    def _begin_kafka(self) -> Running:
        running = kafka.start(self._kafka, say=_say, tied=True)
        kafka.wait_ready(running)
        return running

    def _begin_valkey(self) -> Running:
        running = valkey.start(self._valkey, tied=True, kept=self._keep_redis)
        valkey.wait_ready(running, self._valkey)
        return running

    def _begin_jaeger(self) -> Running:
        running = jaeger.start(self._jaeger, jaeger.install(_say), tied=True)
        jaeger.wait_ready(running, self._jaeger)
        return running

    def close(self) -> None:
        """End them all; nothing they held is wanted any more."""
        for server in (self.jaeger, self.valkey, self.kafka):
            server.kill()


def start(folder: Path, *, keep_redis: bool = True) -> NativeBackend:
    """Start Kafka and Valkey; whatever fails, nothing is left running.

    A Redis that keeps what it holds comes back from a crash a second older, which is harder than coming back empty.
    """
    backend = NativeBackend(folder, keep_redis=keep_redis)
    try:
        backend.valkey.start()
        backend.kafka.start()
    except BaseException:
        backend.close()
        raise
    return backend
