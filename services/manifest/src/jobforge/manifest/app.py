"""The manifest service as an ASGI app: the fold, the archiver and the door for reads."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from jobforge.chassis import view
from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.control import ControlView
from jobforge.chassis.health import Health
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.logs import configure_logging
from jobforge.chassis.loop import serving
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts import topics
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.runs import AnyRunRecord
from jobforge.manifest import archiver, feed, problems
from jobforge.manifest.archiver import Archiver
from jobforge.manifest.background import running
from jobforge.manifest.door import Door
from jobforge.manifest.families import PATTERN
from jobforge.manifest.feed import Projector
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.hot import ManifestApp, hot_reads
from jobforge.manifest.lists_http import lists_router
from jobforge.manifest.outbox import Outbox
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import Reads
from jobforge.manifest.runs_http import runs_router
from jobforge.manifest.stopping import on_stop
from jobforge.manifest.store import Store
from jobforge.manifest.sweeper import Sweeper

SERVICE = "manifest"
ABOUT = "The view: folds the log into runs and manifests, and serves all reads."


def create_app(settings: Settings | None = None) -> ManifestApp:
    """The service; without ``settings`` they are read from the environment, here and nowhere else."""
    settings = settings or Settings()
    configure_logging(settings, SERVICE)
    telemetry = Telemetry(
        service=f"jobforge-{SERVICE}",
        version=version("jobforge-manifest"),
        endpoint=settings.otlp_endpoint,
        bootstrap=settings.kafka_bootstrap,
    )
    kafka = Kafka(settings, service=SERVICE, telemetry=telemetry, description=ABOUT)
    control = ControlView(settings)
    redis = view.connect(settings.redis_url)
    artifacts = ArtifactStore(settings.artifacts_url)
    store = Store(redis)
    freshness = Freshness(kafka, partitions=settings.partitions)
    changes = Changes(redis, store, freshness)
    reads = Reads(redis, freshness, artifacts, partitions=settings.partitions)
    outbox = Outbox(kafka.publisher, telemetry, group=feed.GROUP, timeout=settings.publish_timeout)
    projector = Projector(store=store, outbox=outbox, archive=artifacts.read_manifest, told=changes)
    kafka.read(
        projector, group=feed.GROUP, pattern=PATTERN, message=AnyRunRecord, title="projection", description=ABOUT
    )
    sweeper = Sweeper(artifacts, after=settings.artifacts_sweep_after)
    kafka.read(
        Archiver(artifacts),
        group=archiver.GROUP,
        topics=[topics.MANIFESTS.name],
        message=RunManifest,
        title="archiver",
        description="Writes terminal manifests into the artifact store.",
        hurried=False,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(telemetry))
            stack.push_async_callback(redis.aclose)
            stack.push_async_callback(reads.close)
            stack.push_async_callback(store.close)
            stack.push_async_callback(kafka.stop)
            await kafka.reach()
            await control.start()
            stack.push_async_callback(control.stop)
            control.check_partitions(settings)
            await kafka.check_topics(control.apps)
            await freshness.aim()
            await stack.enter_async_context(running(changes.listen(), changes.probe(), sweeper.run()))
            await kafka.broker.start()
            stack.enter_context(on_stop(changes.close))
            yield
            changes.close()

    app = ManifestApp(
        title="JobForge manifest", description=ABOUT, version=version("jobforge-manifest"), lifespan=lifespan
    )
    problems.install(app)
    door = Door(reads, changes, artifacts, control.flag, settings.jaeger_url)
    hot_reads(app, door)
    app.include_router(lists_router(door))
    app.include_router(runs_router(door))
    for path, answer in _health(kafka, control, store, freshness, projector).routes():
        app.add_route(path, answer, ["GET"], include_in_schema=False)  # type: ignore[arg-type]  # an ASGI app is a route too
    return app


def _health(kafka: Kafka, control: ControlView, store: Store, freshness: Freshness, projector: Projector) -> Health:
    async def caught_up() -> None:
        if not freshness.caught_up:
            raise RuntimeError("the view has not yet held all that was in the log when this service started")

    async def moving() -> None:
        if projector.trouble is not None:
            raise RuntimeError(projector.trouble)

    async def control_ready() -> None:
        if not control.ready:
            raise RuntimeError("jobforge.control was not read to its end")

    health = Health(SERVICE)
    health.live("consumers", kafka.consumers_alive)
    health.ready("kafka", kafka.ping)
    health.ready("redis", store.watermarks)
    health.ready("control", control_ready)
    health.ready("projection", moving)
    health.ready("view", caught_up)
    return health
