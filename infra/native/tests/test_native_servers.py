"""Kafka and Valkey as local processes: started, found, refused and stopped for real, on free ports."""

import os
import signal
import socket
from pathlib import Path

import pytest

from jobforge.native import kafka, ports, processes, valkey
from jobforge.native.kafka import KafkaPlace
from jobforge.native.processes import DidNotStart
from jobforge.native.valkey import ValkeyPlace


def test_kafka_starts_answers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A broker on loopback takes requests, keeps offsets for 60 days, and is gone after a stop."""
    port, controller = ports.free_ports(2)
    place = KafkaPlace(tmp_path / "kafka", port, controller, partitions=4)
    running = kafka.start(place, say=print, tied=True)
    try:
        kafka.wait_ready(running)
        assert kafka.answers(place.bootstrap)
        assert running.resident_bytes < 400 * 1024 * 1024
        assert "offsets.retention.minutes=86400" in (tmp_path / "kafka" / "server.properties").read_text()
    finally:
        assert processes.stop([running], grace=20) == []
    assert not running.alive
    assert ports.is_free(port)
    assert ports.is_free(controller)


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The error holds the end of the broker's log, so that nobody has to look for it."""
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        place = KafkaPlace(tmp_path / "kafka", taken.getsockname()[1], ports.free_ports(1)[0])
        running = kafka.start(place, say=print, tied=True)
        with pytest.raises(DidNotStart, match="Address already in use"):
            kafka.wait_ready(running)
    assert not running.alive


def test_valkey_keeps_what_it_acknowledged_when_it_is_stopped(tmp_path: Path) -> None:
    """``make down`` and ``make up`` again show the same runs at once."""
    place = ValkeyPlace(tmp_path / "valkey", ports.free_ports(1)[0])
    for said in (b"+OK", b"$1\r\nb"):
        running = valkey.start(place, tied=True)
        try:
            valkey.wait_ready(running, place)
            with socket.create_connection((ports.LOOPBACK, place.port), timeout=5) as connection:
                connection.sendall(b"SET a b\r\n" if said == b"+OK" else b"GET a\r\n")
                assert connection.recv(64).startswith(said)
        finally:
            processes.stop([running], grace=10)
    assert ports.is_free(place.port)


def test_a_process_is_never_mistaken_for_another_with_its_pid(tmp_path: Path) -> None:
    """A pid that was given to somebody else since is neither shown as alive nor signalled."""
    impostor = processes.Running("kafka", os.getpid(), born=1.0, log=str(tmp_path / "none"))
    assert not impostor.alive
    impostor.signal(signal.SIGKILL)
    assert processes.stop([impostor]) == []


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    """A stop always ends; what had to be killed is named."""
    script = "trap '' TERM; sleep 300 & echo begun; while :; do sleep 1; done"
    running = processes.start("stubborn", ["bash", "-c", script], log=tmp_path / "log", tied=True)
    processes.wait_until(running, lambda: "begun" in running.last_lines(), timeout=10)
    process = running.process()
    assert process is not None
    children = process.children()
    assert processes.stop([running], grace=0.2) == [running]
    assert not any(child.is_running() for child in children)
