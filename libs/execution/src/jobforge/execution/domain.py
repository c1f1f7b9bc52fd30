"""A domain service: its templates, a worker that runs them, and FastStream's ASGI app around both."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from faststream.asgi import AsgiFastStream
from faststream.asgi.factories import AsyncAPIRoute
from faststream.specification import AsyncAPI

from jobforge.chassis.control import announce
from jobforge.chassis.environment import environment_of
from jobforge.chassis.health import Health
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.logs import configure_logging
from jobforge.chassis.loop import serving
from jobforge.chassis.needed_topics import DOMAIN
from jobforge.chassis.redis_line import RedisLine
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import (
    RunCanceled,
    RunFailed,
    RunProgressed,
    RunRestored,
    RunRetrying,
    RunStarted,
    RunSucceeded,
)
from jobforge.contracts.topics import RUNS
from jobforge.execution.alone import BLOCKING_THREADS, Alone, MakeTools, Workshop, no_tools
from jobforge.execution.discovery import BoundTemplate
from jobforge.execution.handler import Handler
from jobforge.execution.leases import RedisLeases
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.starts import StartsFirst
from jobforge.execution.worker import Limits, Worker

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
AddReaders = Callable[[Kafka, Settings], None]
ASGIApp = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def no_readers(kafka: Kafka, settings: Settings) -> None:
    """What a domain adds that reads nothing but jobs."""


def create_domain_app(
    name: str,
    settings: Settings,
    *,
    tools: MakeTools = no_tools,
    readers: AddReaders = no_readers,
    package: str | None = None,
) -> AsgiFastStream:
    """The ASGI app of a domain service; nothing is opened before its lifespan starts.

    Templates are found in ``<package>.templates`` (``jobforge.<name>`` unless given). Raises ``TemplateError`` for
    a template that cannot run or a tool that is not made. ``tools`` is a function of a module: a child process that
    runs an attempt alone makes its own. ``readers`` adds readers of the domain's own, beside the worker: of events,
    for example.
    """
    configure_logging(settings, name)
    workshop = Workshop(name, package or f"jobforge.{name}", settings, tools)
    templates = workshop.templates()
    telemetry = Telemetry(
        service=f"jobforge-{name}",
        version=environment_of(name).version,
        endpoint=settings.otlp_endpoint,
        bootstrap=settings.kafka_bootstrap,
        client_id=f"jobforge-{name}",
    )
    kafka = Kafka(
        settings, service=name, role=DOMAIN, telemetry=telemetry, description=f"Runs the templates of {name}."
    )
    threads = ThreadPoolExecutor(BLOCKING_THREADS, thread_name_prefix="job-io")
    publisher = StartsFirst(kafka.publisher)
    around = workshop.around(publisher, threads)
    runner = workshop.runner(templates, around)
    outcomes = Outcomes(publisher, settings.partitions)
    leases = RedisLeases(RedisLine.to(settings.redis_url))
    handler = Handler(name, runner, outcomes, leases, around.store, telemetry, alone=Alone(workshop, runner).run)
    worker = Worker(name, handler, outcomes, limits=Limits(grace=settings.grace_period))
    kafka.read(
        worker,
        group=worker.group,
        topics=worker.topics,
        message=JobRequested,
        title=f"{name}.jobs",
        description="Accepted job requests; each ends in one terminal record.",
    )
    readers(kafka, settings)
    for written in (RunStarted, RunProgressed, RunRetrying, RunSucceeded, RunFailed, RunCanceled, RunRestored):
        kafka.broker.publisher(RUNS.name, title=f"{name}.{written.__name__}", schema=written)

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
                await leases.close()
                threads.shutdown(wait=False, cancel_futures=True)

    health = Health(name)
    health.live("consumers", kafka.consumers_alive)
    health.ready("kafka", ready)
    health.ready("artifacts", around.store.ping)
    return AsgiFastStream(
        kafka.broker,
        asgi_routes=health.routes(),
        asyncapi_path=AsyncAPIRoute("/docs/asyncapi", try_it_out_path=None),
        specification=AsyncAPI(title=f"JobForge {name}", version=environment_of(name).version),
        lifespan=lifespan,
        after_startup=[announce_templates],
        logger=None,
    )


async def _announce(kafka: Kafka, templates: dict[str, BoundTemplate]) -> None:
    now = datetime.now(UTC)
    for bound in templates.values():
        await announce(kafka.publisher, TemplateAnnounced(**bound.template.descriptor(), announced_at=now))
