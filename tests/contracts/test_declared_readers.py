"""What services read is what the topics declare, so that the AsyncAPI documents tell the truth."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.contracts.topics import TOPICS, every_topic

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))
DOMAINS = sorted(path.parents[1].name for path in ROOT.glob("services/*/src/jobforge/*/templates/__init__.py"))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_only_topics_that_name_it_as_a_reader(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reader that the service adds to its Kafka, by name or by pattern, in a group of its own."""
    added: list[dict[str, Any]] = []
    read = Kafka.read

    def recording(self: Kafka, reader: Any, **how: Any) -> Any:
        added.append(how)
        return read(self, reader, **how)

    monkeypatch.setattr(Kafka, "read", recording)
    app = importlib.import_module(f"jobforge.{service}.app")
    app.create_app(Settings(artifacts_url=tmp_path.as_uri()))

    assert added, f"{service} reads nothing"
    roles = {service, "domain"} if service in DOMAINS else {service}
    for how in added:
        names = set(how.get("topics") or ()) | _matching(how.get("pattern"))
        assert names
        for name in names:
            declared = next(topic for topic in TOPICS if re.search(topic.pattern, name))
            assert roles & set(declared.readers), f"{service} reads {name}; it is declared for {declared.readers}"
            if declared.per == "domain" and service in DOMAINS:
                assert name == declared.named(service)
        assert service in how["group"]


def _matching(pattern: str | None) -> set[str]:
    everything = every_topic(apps=["settler"], domains=["settler"])
    return {named.name for named in everything if pattern and re.search(pattern, named.name)}
