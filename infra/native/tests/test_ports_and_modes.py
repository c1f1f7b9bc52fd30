"""What a newcomer runs into: taken ports, odd settings, missing programs, half-made downloads."""

import socket
from pathlib import Path

import pytest
import yaml

from jobforge.native import cache, containers, docker_plane, environment, jaeger, kafka, machine, ports, services
from jobforge.native.places import ROOT, SERVICES
from jobforge.native.plane import Plane
from jobforge.native.ports import PortTaken


def test_a_taken_port_names_itself_and_the_variable_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message alone is enough to go on."""
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        number = taken.getsockname()[1]
        monkeypatch.setenv("JOBFORGE_KAFKA_PORT", str(number))
        with pytest.raises(PortTaken, match=rf"port {number} for Kafka is taken.*JOBFORGE_KAFKA_PORT"):
            ports.require_free([ports.KAFKA])


def test_two_settings_of_one_port_are_refused_by_both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the second server would fail with a message about itself."""
    monkeypatch.setenv("JOBFORGE_KAFKA_PORT", "29092")
    monkeypatch.setenv("JOBFORGE_REDIS_PORT", "29092")
    with pytest.raises(ValueError, match="JOBFORGE_REDIS_PORT and JOBFORGE_KAFKA_PORT are both 29092"):
        ports.require_free([ports.KAFKA, ports.REDIS])


def test_a_server_does_not_find_its_port_taken_by_an_outgoing_connection() -> None:
    """Kafka ended while starting: address already in use."""
    with socket.socket() as listening:
        listening.bind((ports.LOOPBACK, 0))
        listening.listen()
        with socket.create_connection(listening.getsockname()) as outgoing:
            taken = {listening.getsockname()[1], outgoing.getsockname()[1]}
    found = [*ports.free_ports(20), *ports.free_ports(20)]
    assert max(found) < min(taken)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1"])
def test_what_is_no_port_is_refused_by_its_variable(value: str) -> None:
    """A typing error is not passed on to a server."""
    with pytest.raises(ValueError, match="JOBFORGE_KAFKA_PORT must be a port"):
        ports.KAFKA.number({"JOBFORGE_KAFKA_PORT": value})


def test_an_interrupted_download_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache holds whole things only, and what was abandoned is removed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def breaks(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("the line went dead")

    with pytest.raises(OSError, match="went dead"):
        cache.make_once("thing", "1", breaks)
    assert cache.cached("thing", "1") is None
    (tmp_path / "jobforge" / ".thing-1.abandoned").mkdir()
    made = cache.make_once("thing", "1", lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]
    assert cache.make_once("thing", "1", breaks) == made
    assert sorted(path.name for path in made.parent.iterdir() if path.is_dir()) == ["thing-1"]


def test_a_missing_program_comes_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to search for what to install."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(machine.Missing, match="Maven fetches Kafka, and mvn is not on the PATH: install Maven"):
        machine.executable("mvn", "Maven fetches Kafka")


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt MODE must not silently become the other one."""
    monkeypatch.setenv("MODE", "doker")
    with pytest.raises(ValueError, match="MODE is docker or native"):
        Plane(print).mode()


def test_without_an_engine_docker_is_ruled_out_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``make up`` says why it chose local processes."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert docker_plane.why_not(print) in ("no Docker engine answers", "docker is not on the PATH")


def test_containers_run_kafka_with_the_settings_of_native_mode() -> None:
    """Both modes behave alike: each setting of server.properties stands in docker-compose.yml with its value."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    given = document["services"]["kafka"]["environment"]
    expected = {containers.variable(name): value for name, value in containers.kafka_settings().items()}
    del expected["KAFKA_INTER_BROKER_LISTENER_NAME"]
    assert {name: given.get(name) for name in expected} == expected


def test_both_modes_run_the_same_kafka() -> None:
    """One version, whether it comes as jars or as an image."""
    assert containers.image("kafka").endswith(":" + kafka.version())


def test_jaeger_is_pinned_to_the_last_module() -> None:
    """The build names a version, and go.sum its contents."""
    assert f"github.com/jaegertracing/jaeger v{jaeger.version()} h1:" in (jaeger.MODULE / "go.sum").read_text()


def test_every_published_port_is_on_loopback_and_can_be_moved() -> None:
    """Nothing of a development plane is reachable from other machines."""
    for name in ("docker-compose.yml", "infra/compose/services.yml"):
        for service in yaml.safe_load((ROOT / name).read_text())["services"].values():
            for published in service.get("ports", []):
                assert published.startswith("127.0.0.1:${JOBFORGE_"), published


def test_every_service_has_a_port_of_its_own() -> None:
    """The process table is what the pyprojects register, and nothing else."""
    table = services.registered()
    assert {service.name for service in table} == {path.parent.name for path in SERVICES.glob("*/pyproject.toml")}
    assert len({service.port.default for service in table}) == len(table)


def test_a_service_without_registration_is_named(tmp_path: Path) -> None:
    """A forgotten [tool.jobforge] is an error, not a service that never starts."""
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "pyproject.toml").write_text("[project]\nname = 'mail'\n")
    with pytest.raises(ValueError, match=r"mail/pyproject.toml has no \[tool.jobforge\]"):
        services.registered(tmp_path)


def test_a_development_plane_has_a_site_called_production_to_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query door's page, on whatever port that is, and in containers by its name there."""
    monkeypatch.delenv("JOBFORGE_TARGETS_FILE", raising=False)
    monkeypatch.setenv("JOBFORGE_MANIFEST_PORT", "18081")
    named = environment.targets(tmp_path, services.registered())
    (target,) = yaml.safe_load(Path(named["JOBFORGE_TARGETS_FILE"]).read_text())
    assert target == {"name": "production", "url": "http://127.0.0.1:18081/docs", "allow_private": True}
    (inside,) = yaml.safe_load((ROOT / "infra/compose/targets.yaml").read_text())
    assert inside == target | {"url": "http://manifest:8080/docs"}


def test_files_of_ones_own_are_mounted_where_the_services_look() -> None:
    """The variables that name them without containers name them with containers, too."""
    base = yaml.safe_load((ROOT / "infra/compose/base.yml").read_text())["services"]["service"]
    for variable in ("JOBFORGE_TARGETS_FILE", "JOBFORGE_TRIGGERS_FILE"):
        (bind,) = [mount for mount in base["volumes"] if variable in str(mount)]
        own, default = bind["source"].strip("${}").split(":-")
        assert (own, bind["target"], bind["read_only"]) == (variable, base["environment"][variable], True)
        assert (ROOT / "infra/compose" / default).is_file()


def test_a_targets_file_of_ones_own_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and what the variable says holds."""
    monkeypatch.setenv("JOBFORGE_TARGETS_FILE", "/etc/own.yaml")
    assert environment.targets(tmp_path, services.registered()) == {}
    assert list(tmp_path.iterdir()) == []
