"""A real single-node Kafka from Maven's jars, on loopback, with a small heap."""

import asyncio
import base64
import subprocess
import uuid
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from jobforge.native import processes
from jobforge.native.cache import cached, make_once
from jobforge.native.machine import Missing, executable, java
from jobforge.native.places import INFRA
from jobforge.native.processes import Running
from jobforge.native.say import Say

POM = INFRA / "kafka" / "pom.xml"
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
STARTED = "Kafka Server started"
HEAP = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxDirectMemorySize=64m")
START_TIMEOUT = 90.0
"""Seconds: about 5 on an idle machine, far more on one that builds Jaeger at the same time."""


def version() -> str:
    """The version that ``infra/kafka/pom.xml`` pins."""
    root = ElementTree.parse(POM).getroot()  # noqa: S314 - the repository's own file
    found = root.findtext("{*}properties/{*}kafka.version")
    if not found:
        raise ValueError(f"{POM} names no kafka.version")
    return found


def install(say: Say) -> Path:
    """The folder with Kafka's jars, fetched by Maven once a machine."""
    found = cached("kafka", version())
    if found:
        return found
    maven = executable("mvn", "Maven fetches Kafka")
    say(f"fetching Kafka {version()} with Maven (44 MB, about 10 s, once a machine)")

    def fetch(folder: Path) -> None:
        command = [maven, "-q", "-B", "-f", str(POM), COPY_DEPENDENCIES]
        done = subprocess.run(
            [*command, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode or not list(folder.glob("kafka_2.13-*.jar")):
            raise Missing(f"Maven could not fetch Kafka:\n{(done.stdout + done.stderr)[-2000:]}")

    return make_once("kafka", version(), fetch)


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Where one broker lives: its data and log under ``folder``, its two ports, and new topics' partitions."""

    folder: Path
    port: int
    controller_port: int
    partitions: int = 8

    @property
    def bootstrap(self) -> str:
        """The address that clients connect to."""
        return f"127.0.0.1:{self.port}"


def start(place: KafkaPlace, *, say: Say, tied: bool = False) -> Running:
    """Format the data folder if it is new, and start the broker; it is not ready yet, see ``wait_ready``.

    What is ``tied`` ends with the thread that started it.
    """
    settings = _write_settings(place)
    return launch(place.folder, settings, new_cluster_id(), "--standalone", say=say, tied=tied)


def launch(folder: Path, settings: Path, cluster_id: str, *quorum: str, say: Say, tied: bool = False) -> Running:
    """Start the broker of a settings file, whose ``log.dirs`` is ``data`` in ``folder``; the log is there as well.

    A new data folder is formatted for the cluster; ``quorum`` are the flags that say with whom, if not the settings.
    """
    jars = install(say)
    program = [java(), f"-Dlog4j2.configurationFile={(INFRA / 'kafka' / 'log4j2.properties').as_uri()}"]
    class_path = ["-cp", f"{jars}/*"]
    if not (folder / "data" / "meta.properties").exists():
        storage = [*program, "-Xmx128m", "-XX:TieredStopAtLevel=1", *class_path, "kafka.tools.StorageTool", "format"]
        _format([*storage, "-t", cluster_id, "-c", str(settings), "--ignore-formatted", *quorum])
    log = folder / "kafka.log"
    log.unlink(missing_ok=True)
    flags = [*HEAP, "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
    return processes.start("kafka", [*program, *flags, *class_path, "kafka.Kafka", str(settings)], log=log, tied=tied)


def wait_ready(running: Running) -> None:
    """Wait for the broker; raises ``DidNotStart``."""
    log = Path(running.log)
    processes.wait_until(running, lambda: STARTED in log.read_text(errors="replace"), timeout=START_TIMEOUT)


def _write_settings(place: KafkaPlace) -> Path:
    place.folder.mkdir(parents=True, exist_ok=True)
    text = (INFRA / "kafka" / "server.properties").read_text()
    values = {
        "data": place.folder / "data",
        "port": place.port,
        "controller_port": place.controller_port,
        "partitions": place.partitions,
    }
    lines = [line if line.startswith("#") else line.format(**values) for line in text.splitlines()]
    settings = place.folder / "server.properties"
    settings.write_text("\n".join(lines) + "\n")
    return settings


def _format(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise processes.DidNotStart(f"Kafka's storage could not be formatted:\n{(done.stdout + done.stderr)[-2000:]}")


def new_cluster_id() -> str:
    """16 random bytes in base64url; one that begins with a dash would be taken for an option."""
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
        if not made.startswith("-"):
            return made


def answers(bootstrap: str) -> bool:
    """Whether a broker answers a real metadata request; may be called while an event loop runs."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, _answers(bootstrap)).result()


async def _answers(bootstrap: str) -> bool:
    client = AIOKafkaClient(bootstrap_servers=bootstrap, client_id="jobforge-native", request_timeout_ms=3000)
    try:
        await client.bootstrap()
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
    return True
