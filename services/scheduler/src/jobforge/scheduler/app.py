"""The scheduler as an ASGI app: the retries' mover, and the eye on deadlines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from os import getpid

from faststream.asgi import AsgiFastStream
from faststream.asgi.factories import AsyncAPIRoute
from faststream.specification import AsyncAPI

from jobforge.chassis import view
from jobforge.chassis.control import ControlView
from jobforge.chassis.environment import environment_of
from jobforge.chassis.health import Health
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.logs import configure_logging, get_logger
from jobforge.chassis.loop import serving
from jobforge.chassis.redis_line import RedisLine
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RunCanceled, RunFailed
from jobforge.contracts.topics import JOBS, RUNS
from jobforge.execution.leases import RedisLeases
from jobforge.scheduler.acting import Acts
from jobforge.scheduler.deadlines import Deadlines
from jobforge.scheduler.log_lookup import LogLookup
from jobforge.scheduler.moving import Mover
from jobforge.scheduler.open_runs import OpenRuns
from jobforge.scheduler.retries import GROUP, Retries
from jobforge.scheduler.searching import Search
from jobforge.scheduler.verdicts import Patience
from jobforge.scheduler.waits import TIERS

SERVICE = "scheduler"
ABOUT = "What is due later: retries that wait, and runs that would never end by themselves."

log = get_logger()


def create_app(settings: Settings | None = None, patience: Patience | None = None) -> AsgiFastStream:
    """The service; without settings they come from the environment. Nothing is opened before its lifespan starts."""
    settings = settings or Settings()
    configure_logging(settings, SERVICE)
    environment = environment_of(SERVICE)
    telemetry = Telemetry(
        service=f"jobforge-{SERVICE}",
        version=environment.version,
        endpoint=settings.otlp_endpoint,
        bootstrap=settings.kafka_bootstrap,
        client_id=f"jobforge-{SERVICE}",
    )
    kafka = Kafka(settings, service=SERVICE, telemetry=telemetry, description=ABOUT)
    control = ControlView(settings)
    redis = view.connect(settings.redis_url)
    leases = RedisLeases(RedisLine.beside(redis))
    lookup = LogLookup(settings.kafka_bootstrap)
    acts = Acts(
        kafka.publisher,
        lookup,
        lambda: control.templates,
        worker=f"{SERVICE}@{environment.host}:{getpid()}",
        environment=environment,
        partitions=settings.partitions,
    )
    mover = Mover(kafka.publisher, acts.refuse, kafka.topics, timeout=settings.publish_timeout)
    retries = Retries(mover)
    deadlines = Deadlines(
        lambda: retries.tended,
        OpenRuns(redis),
        leases,
        kafka,
        Search(kafka, lookup),
        acts,
        patience=patience or Patience(),
    )
    kafka.read(
        retries,
        group=GROUP,
        topics=list(TIERS),
        message=JobRequested,
        title="retries",
        description="Requests that wait for their next try; each goes back to the topic that its headers name.",
    )
    kafka.broker.publisher(JOBS.named("example"), title="retries.JobRequested", schema=JobRequested)
    for outcome in (RunCanceled, RunFailed):
        kafka.broker.publisher(RUNS.name, title=f"deadlines.{outcome.__name__}", schema=outcome)
    tending = Tending(deadlines)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(telemetry))
            stack.push_async_callback(redis.aclose)
            stack.push_async_callback(leases.close)
            await stack.enter_async_context(lookup)
            await kafka.reach()
            stack.push_async_callback(kafka.leave)
            await control.start()
            stack.push_async_callback(control.stop)
            control.check_partitions(settings)
            yield

    return AsgiFastStream(
        kafka.broker,
        asgi_routes=_health(kafka, control, tending).routes(),
        asyncapi_path=AsyncAPIRoute("/docs/asyncapi", try_it_out_path=None),
        specification=AsyncAPI(title="JobForge scheduler", version=environment.version),
        lifespan=lifespan,
        after_startup=[tending.begin],
        on_shutdown=[tending.end],
        logger=None,
    )


class Tending:
    """The deadlines' task: begun when the producer is there, ended before it goes."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start looking."""
        self._task = asyncio.create_task(self._deadlines.run(), name="deadlines")
        log.info("service.ready")

    async def end(self) -> None:
        """Stop looking. A cancellation that the Redis client swallows is said again."""
        for _ in range(5):
            if self._task is None or self._task.done():
                return
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.2)

    async def alive(self) -> None:
        """Raise when nothing looks any more."""
        if self._task is not None and self._task.done():
            raise RuntimeError("nobody looks after deadlines any more")

    async def begun(self) -> None:
        """Raise before the first look."""
        if self._task is None:
            raise RuntimeError("not started yet")


def _health(kafka: Kafka, control: ControlView, tending: Tending) -> Health:
    async def control_ready() -> None:
        if not control.ready:
            raise RuntimeError("jobforge.control was not read to its end")

    health = Health(SERVICE)
    health.live("consumers", kafka.consumers_alive)
    health.live("deadlines", tending.alive)
    health.ready("kafka", kafka.ping)
    health.ready("control", control_ready)
    health.ready("deadlines", tending.begun)
    return health
