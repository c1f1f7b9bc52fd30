"""A domain service: its templates, a worker that runs them, and FastStream's ASGI app around both."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from os import getpid
from typing import Any

import structlog
from faststream.asgi import AsgiFastStream
from faststream.asgi.factories import AsyncAPIRoute
from faststream.specification import AsyncAPI

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.control import announce
from jobforge.chassis.environment import environment_of
from jobforge.chassis.health import Health
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.logs import configure_logging
from jobforge.chassis.loop import serving
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RunFailed, RunStarted, RunSucceeded
from jobforge.contracts.topics import JOBS, RUNS
from jobforge.execution.attempt import Surroundings
from jobforge.execution.children import Children
from jobforge.execution.discovery import BoundTemplate, bind_tools, find_templates
from jobforge.execution.runner import Runner
from jobforge.execution.worker import Limits, Worker

log = structlog.get_logger()

BLOCKING_THREADS = 16
"""Threads for templates' blocking I/O."""

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def create_domain_app(
    name: str,
    settings: Settings,
    *,
    tools: Callable[[Settings], Iterable[object]] = lambda settings: (),
    package: str | None = None,
) -> AsgiFastStream:
    """The ASGI app of a domain service; nothing is opened before its lifespan starts.

    Templates are found in ``<package>.templates`` (``jobforge.<name>`` unless given). Raises ``TemplateError`` for
    a template that cannot run or a tool that is not made.
    """
    configure_logging(settings, name)
    templates = bind_tools(find_templates(package or f"jobforge.{name}").values(), tools(settings))
    environment = environment_of(name)
    telemetry = Telemetry(
        service=f"jobforge-{name}",
        version=environment.version,
        endpoint=settings.otlp_endpoint,
        bootstrap=settings.kafka_bootstrap,
        client_id=f"jobforge-{name}",
    )
    kafka = Kafka(settings, service=name, telemetry=telemetry, description=f"Runs the templates of {name}.")
    store = ArtifactStore(settings.artifacts_url)
    threads = ThreadPoolExecutor(BLOCKING_THREADS, thread_name_prefix="job-io")
    around = Surroundings(store, kafka.publisher, Children(), threads, settings.partitions)
    runner = Runner(
        templates,
        around,
        environment=environment,
        worker=f"{name}@{environment.host}:{getpid()}",
        max_output_bytes=settings.max_output_bytes,
    )
    limits = Limits(grace=settings.grace_period)
    worker = Worker(name, runner, kafka.publisher, telemetry, partitions=settings.partitions, limits=limits)
    kafka.read(
        worker,
        group=worker.group,
        topics=[JOBS.named(name)],
        message=JobRequested,
        title=f"{name}.jobs",
        description="Accepted job requests; each ends in one terminal record.",
    )
    for outcome in (RunStarted, RunSucceeded, RunFailed):
        kafka.broker.publisher(RUNS.name, title=f"{name}.{outcome.__name__}", schema=outcome)

    announced = False

    async def announce_templates() -> None:
        nonlocal announced
        await _announce(kafka, templates)
        announced = True
        log.info("service.ready", templates=sorted(templates))

    async def ready() -> None:
        if not announced:
            raise RuntimeError("the templates are not announced yet")
        await kafka.ping()

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with serving(telemetry):
            await kafka.reach()
            try:
                yield
            finally:
                await kafka.leave()
                threads.shutdown(wait=False, cancel_futures=True)

    health = Health(name)
    health.live("consumers", kafka.consumers_alive)
    health.ready("kafka", ready)
    health.ready("artifacts", store.ping)
    return AsgiFastStream(
        kafka.broker,
        asgi_routes=health.routes(),
        asyncapi_path=AsyncAPIRoute("/docs/asyncapi", try_it_out_path=None),
        specification=AsyncAPI(title=f"JobForge {name}", version=environment.version),
        lifespan=lifespan,
        after_startup=[announce_templates],
        logger=None,
    )


async def _announce(kafka: Kafka, templates: dict[str, BoundTemplate]) -> None:
    now = datetime.now(UTC)
    for bound in templates.values():
        await announce(kafka.publisher, TemplateAnnounced(**bound.template.descriptor(), announced_at=now))
