"""Three Kafka brokers on loopback that elect their leaders, each record on all of them and acknowledged by two."""

from pathlib import Path

from aiokafka import TopicPartition

from jobforge.native import kafka, ports
from jobforge.native.places import INFRA
from jobforge.native.processes import Running
from jobforge.testkit.backends import PARTITIONS, Server
from jobforge.testkit.native_backend import NativeBackend, NativeServer
from trial import log

BROKERS = 3
REPLICATED = {
    "min.insync.replicas": 2,
    "default.replication.factor": BROKERS,
    "offsets.topic.replication.factor": BROKERS,
    "transaction.state.log.replication.factor": BROKERS,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": BROKERS,
    "share.coordinator.state.topic.min.isr": 2,
    "unclean.leader.election.enable": "false",
    # A dead broker is noticed within 3 s, a slow replica leaves the set within 5.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "replica.lag.time.max.ms": 5000,
}


class Broker(NativeServer):
    """One of the three."""

    def __init__(self, node: int, folder: Path, settings: Path, cluster_id: str) -> None:
        self.node = node
        self._folder = folder
        self._settings = settings
        self._cluster_id = cluster_id
        super().__init__(self._launch)

    def _launch(self) -> Running:
        return kafka.launch(self._folder, self._settings, self._cluster_id, say=print, tied=True)

    def wait(self) -> None:
        """Wait until it is ready: alone it never is, two find each other."""
        assert self.running is not None
        kafka.wait_ready(self.running)


class Brokers:
    """All of them as one server."""

    def __init__(self, brokers: list[Broker]) -> None:
        self.all = brokers

    def start(self) -> None:
        """Start those that do not run, and wait for all."""
        for broker in self.all:
            broker.start()
        for broker in self.all:
            broker.wait()

    def stop(self) -> None:
        """End all of them."""
        for broker in self.all:
            broker.stop()

    def kill(self) -> None:
        """End all of them at once."""
        for broker in self.all:
            broker.kill()

    def pause(self) -> None:
        """Freeze all of them."""
        for broker in self.all:
            broker.pause()

    def resume(self) -> None:
        """Let all of them go on."""
        for broker in self.all:
            broker.resume()


class ClusterBackend:
    """A testkit backend with three brokers instead of one."""

    name = "native"

    def __init__(self, folder: Path) -> None:
        alone = NativeBackend(folder)  # its Valkey; its broker is never started
        self.valkey: Server = alone.valkey
        self.jaeger: Server = alone.jaeger
        self.redis_url, self.jaeger_url, self.otlp_endpoint = alone.redis_url, alone.jaeger_url, alone.otlp_endpoint
        numbers = ports.free_ports(2 * BROKERS)
        pairs = list(zip(numbers[:BROKERS], numbers[BROKERS:], strict=True))
        self.kafka_bootstrap = ",".join(f"{ports.LOOPBACK}:{port}" for port, _ in pairs)
        voters = ",".join(f"{node}@{ports.LOOPBACK}:{controller}" for node, (_, controller) in enumerate(pairs, 1))
        cluster_id = kafka.new_cluster_id()
        self.brokers: list[Broker] = []
        for node, (port, controller) in enumerate(pairs, 1):
            home = folder / f"kafka-{node}"
            settings = _write_settings(home, node, port, controller, voters)
            self.brokers.append(Broker(node, home, settings, cluster_id))
        self.kafka: Server = Brokers(self.brokers)

    def close(self) -> None:
        """End everything."""
        for server in (self.jaeger, self.valkey, self.kafka):
            server.kill()

    async def leader(self, topic: str, partition: int) -> Broker:
        """Who leads a partition now."""
        async with log.reader(self.kafka_bootstrap) as consumer:
            metadata = await consumer._client.fetch_all_metadata()
            node = metadata.leader_for_partition(TopicPartition(topic, partition))
        return next(broker for broker in self.brokers if broker.node == node)


def start(folder: Path) -> ClusterBackend:
    """Start three brokers and Valkey; whatever fails, nothing is left running."""
    backend = ClusterBackend(folder)
    try:
        backend.valkey.start()
        backend.kafka.start()
    except BaseException:
        backend.close()
        raise
    return backend


def _write_settings(home: Path, node: int, port: int, controller: int, voters: str) -> Path:
    """The plane's own broker settings with what three brokers need otherwise."""
    home.mkdir(parents=True, exist_ok=True)
    filled = {"data": home / "data", "port": port, "controller_port": controller, "partitions": PARTITIONS}
    settings: dict[str, object] = {}
    for line in (INFRA / "kafka" / "server.properties").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.format(**filled).partition("=")
            settings[name] = value
    del settings["controller.quorum.bootstrap.servers"]
    settings |= {"node.id": node, "controller.quorum.voters": voters, **REPLICATED}
    path = home / "server.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    return path
