"""A job that does a child's work nearby, texts to quote, a model's endpoint and a plane."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from pydantic import HttpUrl, SecretStr

from jobforge.autopilot.drafting.knowledge import Knowledge
from jobforge.autopilot.drafting.model import Model, ModelSettings
from jobforge.autopilot.plane import PlaneSettings
from jobforge.autopilot.templates.growth_content_draft import Inputs, Outputs, run
from jobforge.testkit.chat_endpoint import Endpoint, serving_model
from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane
from jobforge.testkit.recording_job import RecordingJob

R = TypeVar("R")
KEY = "sk-a-key-that-nobody-may-see"
GUIDE = """# Heat pumps

A heat pump moves heat from outside air into a building. It uses little electricity for this.
Modern heat pumps reduce heating costs by 30 percent compared with oil boilers. The control system of a heat pump
measures the outside temperature and sets the flow temperature. Before you install a heat pump, check the insulation
of the house. You should choose a heat pump with a service contract.

- A heat pump needs a yearly inspection, according to the [manual](http://example.com/manual).

Bananas are rich in potassium and taste sweet when they are ripe.
"""


class NearJob(RecordingJob):
    """Does a child's work in this process: a child of its own for each test would take most of the tests' time."""

    async def in_process(self, function: Callable[..., R], *args: Any) -> R:
        """At once."""
        return function(*args)


@pytest.fixture
def job() -> RecordingJob:
    """With one uploaded guide about heat pumps."""
    return NearJob(objects={("document", "guide"): GUIDE.encode()})


@pytest.fixture
def guide() -> str:
    """A text about heat pumps."""
    return GUIDE


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving_model() as served:
        yield served


@pytest.fixture
def doors() -> Iterator[FakePlane]:
    with fake_plane() as served:
        yield served


class Drafter:
    """Runs the template; a model is there once ``endpoint`` is set, a plane once ``plane`` is."""

    def __init__(self, job: RecordingJob) -> None:
        self.job = job
        self.plane = PlaneSettings(url="http://127.0.0.1:9", query_url="http://127.0.0.1:9")
        self.model = ModelSettings()

    def ask(self, endpoint: Endpoint, **settings: Any) -> None:
        """Let a model write."""
        given = {"url": HttpUrl(endpoint.url), "api_key": SecretStr(KEY), "model": "writer-1", **settings}
        self.model = ModelSettings(**given)

    async def __call__(self, **inputs: Any) -> Outputs:
        given = Inputs.model_validate({"topic": "heat pumps", "format": "blog", **inputs})
        outputs = await run(given, self.job, knowledge=Knowledge(self.plane), model=Model(self.model))
        assert isinstance(outputs, Outputs)
        return outputs


@pytest.fixture
def draft(job: RecordingJob) -> Drafter:
    return Drafter(job)
