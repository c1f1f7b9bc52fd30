"""The ingestion service: both doors of the plane in one ASGI app."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI
from starlette.routing import Route

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.control import ControlView
from jobforge.chassis.health import Health
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.logs import configure_logging
from jobforge.chassis.loop import serving
from jobforge.chassis.redis_line import RedisLine
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import Publisher
from jobforge.contracts.inbox import InboxRecord
from jobforge.contracts.topics import INBOX
from jobforge.ingestion import problems
from jobforge.ingestion.catalog import Catalog
from jobforge.ingestion.catalog_http import catalog_routes, trigger_routes
from jobforge.ingestion.door import Door, hot_posts
from jobforge.ingestion.feed import BACK_OFF, GROUP, InboxReader
from jobforge.ingestion.http import declared_routes, event_and_job_routes, object_routes
from jobforge.ingestion.intake import Intake
from jobforge.ingestion.recall import Recall

SERVICE = "ingestion"


@dataclass(frozen=True, slots=True)
class Plane:
    """What the door needs of the world around it; tests give it from memory."""

    publisher: Publisher
    control: ControlView
    recall: Recall
    objects: ArtifactStore
    telemetry: Telemetry


def create_app(settings: Settings | None = None) -> Door:
    """The service as uvicorn runs it; settings come from the environment unless given. Opens nothing yet."""
    settings = settings or Settings()
    configure_logging(settings, SERVICE)
    telemetry = Telemetry(
        service=f"jobforge-{SERVICE}",
        version=version("jobforge-ingestion"),
        endpoint=settings.otlp_endpoint,
        bootstrap=settings.kafka_bootstrap,
    )
    kafka = Kafka(
        settings, service=SERVICE, telemetry=telemetry, description="The doors: events and job requests come in here."
    )
    plane = Plane(
        publisher=kafka.publisher,
        control=ControlView(settings),
        recall=Recall(RedisLine.to(settings.redis_url)),
        objects=ArtifactStore(settings.artifacts_url),
        telemetry=telemetry,
    )
    app = create_door(settings, plane)
    reader = inbox_reader(settings, plane, kafka.cluster_id)
    kafka.read(reader, group=GROUP, pattern=INBOX.pattern, message=InboxRecord, title="Inbox")
    app.state.broker = kafka.broker
    _add_health(app, kafka, plane.control)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            await running.enter_async_context(serving(telemetry))
            running.push_async_callback(plane.recall.close)
            running.push_async_callback(kafka.leave)
            await kafka.reach()
            await plane.control.start()  # before any record is judged by it
            running.push_async_callback(plane.control.stop)
            plane.control.check_partitions(settings)
            await kafka.check_topics(plane.control.apps)
            running.push_async_callback(kafka.stop)
            await kafka.start()
            yield

    app.router.lifespan_context = lifespan
    return app


def create_door(settings: Settings, plane: Plane) -> Door:
    """The HTTP door over whatever plane it is given."""
    catalog = Catalog(plane.control)
    intake = _intake(settings, plane, catalog)
    app = Door(
        title="JobForge ingestion",
        version=version("jobforge-ingestion"),
        description="Events and job requests come in here; what is read is served by the manifest service.",
        docs_url="/docs",
        redoc_url=None,
    )
    hot_posts(app, intake, max_body=settings.max_record_bytes)
    problems.install(app)
    app.include_router(declared_routes())
    app.include_router(event_and_job_routes(intake))
    app.include_router(object_routes(plane.objects, limit=settings.max_object_bytes))
    app.include_router(catalog_routes(settings, plane.control, plane.publisher))
    app.include_router(trigger_routes(settings, plane.control, plane.publisher))
    return app


def inbox_reader(
    settings: Settings, plane: Plane, cluster_id: Callable[[], Awaitable[str]], *, back_off: float = BACK_OFF
) -> InboxReader:
    """The Kafka door over whatever plane it is given."""
    catalog = Catalog(plane.control)
    return InboxReader(
        settings=settings,
        catalog=catalog,
        intake=_intake(settings, plane, catalog),
        telemetry=plane.telemetry,
        cluster_id=cluster_id,
        back_off=back_off,
    )


def _add_health(app: Door, kafka: Kafka, control: ControlView) -> None:
    async def control_read() -> None:
        if not control.ready:
            raise RuntimeError("jobforge.control has not been read to its end yet")

    health = Health(SERVICE)
    health.live("consumers", kafka.consumers_alive)
    health.ready("control", control_read)
    health.ready("kafka", kafka.ping)
    for path, route in health.routes():
        app.router.routes.append(Route(path, cast(Any, route), methods=["GET"], include_in_schema=False))


def _intake(settings: Settings, plane: Plane, catalog: Catalog) -> Intake:
    return Intake(
        settings=settings,
        catalog=catalog,
        publisher=plane.publisher,
        recall=plane.recall,
        telemetry=plane.telemetry,
    )
