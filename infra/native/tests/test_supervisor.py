"""A whole plane as local processes: up, found again, and down, on free ports."""

import socket
from pathlib import Path

import httpx
import pytest

from jobforge.native import ports, state
from jobforge.native.ports import Port, PortTaken
from jobforge.native.processes import DidNotStart
from jobforge.native.services import Service, registered
from jobforge.native.supervisor import Supervisor

SERVERS = (ports.KAFKA, ports.KAFKA_CONTROLLER, ports.REDIS, *ports.JAEGER_PORTS)
DOOR = next(service for service in registered() if service.kind == "door")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the supervisor said; every port of the plane is moved to a free one."""
    moved = (*SERVERS, DOOR.port)
    for port, number in zip(moved, ports.free_ports(len(moved)), strict=True):
        monkeypatch.setenv(port.variable, str(number))
    return []


def _nothing_listens() -> bool:
    return all(ports.is_free(port.number()) for port in (*SERVERS, DOOR.port))


def test_a_plane_comes_up_is_recognised_and_goes_down(tmp_path: Path, said: list[str]) -> None:
    """``make up`` twice starts one plane, and ``make down`` ends all of it."""
    supervisor = Supervisor(said.append, runtime=tmp_path, services=(DOOR,))
    try:
        assert supervisor.up() is True
        assert httpx.get(f"{DOOR.url}/readyz").status_code == httpx.codes.OK
        assert Supervisor(said.append, runtime=tmp_path, services=(DOOR,)).up() is False
        assert said[-1] == "the plane is already running"
        known = state.load(tmp_path / "plane.json")
        assert known is not None
        assert {each.name for each in known.alive()} >= {"kafka", "valkey", "ingestion"}
    finally:
        Supervisor(said.append, runtime=tmp_path, services=(DOOR,)).down()
    assert _nothing_listens()
    assert state.load(tmp_path / "plane.json") is None


def test_a_taken_port_stops_everything_before_it_starts(tmp_path: Path, said: list[str]) -> None:
    """Whichever port it is, no other process was begun."""
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, DOOR.port.number()))
        taken.listen()
        with pytest.raises(PortTaken, match=DOOR.port.variable):
            Supervisor(said.append, runtime=tmp_path, services=(DOOR,)).up()
    assert not list(tmp_path.iterdir())
    assert _nothing_listens()


def test_a_service_that_cannot_start_takes_the_rest_down_again(tmp_path: Path, said: list[str]) -> None:
    """The reason is in the error, and nothing half-started is left behind."""
    broken = Service("broken", "domain", Port("broken", "JOBFORGE_BROKEN_PORT", ports.free_ports(1)[0]))
    with pytest.raises(DidNotStart, match=r"(?s)broken ended while starting.*jobforge\.broken"):
        Supervisor(said.append, runtime=tmp_path, services=(DOOR, broken)).up()
    assert _nothing_listens()
    assert state.load(tmp_path / "plane.json") is None
