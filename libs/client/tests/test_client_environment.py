"""What the environment decides, and what the functions without a client promise."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobforge.client import (
    AsyncJobForgeClient,
    JobForgeClient,
    JobForgeError,
    generate_trace_id,
    get_feature_flag_summary,
    is_event_ingestion_available,
    is_template_enabled,
)
from jobforge.client.availability import default_client
from jobforge.client.options import Options
from jobforge.testkit.doors import FakePlane, Result

NOTHING: dict[str, str] = {}


def resolved(environment: dict[str, str], *, url: str | None = None, query_url: str | None = None) -> tuple[str, str]:
    options = Options.resolve(url=url, query_url=query_url, api_key=None, timeout=None, environment=environment)
    return options.url, options.query_url


def test_reads_go_to_port_8081_unless_told_otherwise() -> None:
    """JOBFORGE_QUERY_URL unset is JOBFORGE_URL if that is set, else port 8081."""
    assert resolved({}) == ("http://127.0.0.1:8080", "http://127.0.0.1:8081")
    assert resolved({"JOBFORGE_URL": "https://x/"}) == ("https://x", "https://x")
    both = {"JOBFORGE_URL": "https://x", "JOBFORGE_QUERY_URL": "https://y"}
    assert resolved(both) == ("https://x", "https://y")
    assert resolved(both, url="http://a") == ("http://a", "https://y")
    assert resolved({}, url="http://a") == ("http://a", "http://a")
    assert resolved(both, url="http://a", query_url="http://b") == ("http://a", "http://b")


def test_an_address_without_a_scheme_is_refused_by_name() -> None:
    """The error names the variable to change."""
    with pytest.raises(JobForgeError, match="JOBFORGE_URL must begin with"):
        resolved({"JOBFORGE_URL": "localhost:8080"})
    with pytest.raises(JobForgeError, match="timeout must be above 0"):
        JobForgeClient(timeout=0)


def test_trace_ids_have_the_form_that_apps_know() -> None:
    """``trace_<milliseconds>_<9 of a-z0-9>``, and never twice the same."""
    assert re.fullmatch(r"trace_\d{13}_[a-z0-9]{9}", generate_trace_id())
    assert len({generate_trace_id() for _ in range(1000)}) == 1000


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    """What is known of one client holds for the other."""
    names = {name for name, _ in inspect.getmembers(JobForgeClient, callable) if not name.startswith("_")}
    assert names == {n for n, _ in inspect.getmembers(AsyncJobForgeClient, callable) if not n.startswith("_")}
    for name in names:
        blocking, awaited = (inspect.signature(getattr(kind, name)) for kind in (JobForgeClient, AsyncJobForgeClient))
        assert blocking.parameters == awaited.parameters, name
        assert getattr(JobForgeClient, name).__doc__


def test_help_shows_the_arguments_of_a_method() -> None:
    """A bound method's signature begins with what the caller gives."""
    with JobForgeClient() as client:
        parameters = list(inspect.signature(client.request_job).parameters)
        assert parameters[:3] == ["tenant_id", "template_key", "inputs"]
        assert list(inspect.signature(client.get_job).parameters) == ["job_id", "tenant_id"]


@pytest.fixture
def environment(plane: FakePlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlane]:
    monkeypatch.setenv("JOBFORGE_URL", plane.url)
    monkeypatch.delenv("JOBFORGE_QUERY_URL", raising=False)
    default_client.cache_clear()
    yield plane
    default_client().close()
    default_client.cache_clear()


def test_availability_is_asked_of_the_plane(environment: FakePlane) -> None:
    """The functions need no client and follow the plane's switches."""
    environment.results["a.b.c"] = Result()
    assert get_feature_flag_summary() == {"JOBFORGE_EVENTS_ENABLED": True, "JOBFORGE_TRIGGERS_ENABLED": False}
    assert is_event_ingestion_available()
    assert is_template_enabled("a.b.c")
    assert not is_template_enabled("x.y.z")
    environment.flags["JOBFORGE_EVENTS_ENABLED"] = False
    assert not is_event_ingestion_available()


def test_ingestion_that_cannot_be_reached_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable plane takes no events; other questions about it raise."""
    monkeypatch.setattr("jobforge.client.options.DEFAULT_TIMEOUT", 0.2)
    monkeypatch.setenv("JOBFORGE_URL", "http://127.0.0.1:9")
    default_client.cache_clear()
    assert not is_event_ingestion_available()
    with pytest.raises(JobForgeError):
        get_feature_flag_summary()
    default_client().close()
    default_client.cache_clear()


def test_importing_reads_no_environment(tmp_path: Path) -> None:
    """A wrong variable hurts only who makes a client."""
    code = "import jobforge.client, sys; sys.exit('jobforge.execution' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env={"JOBFORGE_URL": "nonsense"}, check=True, cwd=tmp_path)
