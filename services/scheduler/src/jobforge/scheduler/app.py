"""The scheduler as an ASGI app: the retries' mover, triggers and schedules, and the eye on deadlines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
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
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RunCanceled, RunFailed
from jobforge.contracts.topics import EVENTS, JOBS, RUNS
from jobforge.execution.leases import RedisLeases
from jobforge.scheduler.acting import Acts
from jobforge.scheduler.deadlines import Deadlines
from jobforge.scheduler.declaring import Standing, declared
from jobforge.scheduler.firing import GROUP as FIRINGS_GROUP
from jobforge.scheduler.firing import OWN_INBOX, Firings
from jobforge.scheduler.log_lookup import LogLookup
from jobforge.scheduler.moving import Mover
from jobforge.scheduler.open_runs import OpenRuns
from jobforge.scheduler.retries import GROUP, Retries
from jobforge.scheduler.searching import Search
from jobforge.scheduler.ticking import Ticking
from jobforge.scheduler.verdicts import Patience
from jobforge.scheduler.waits import TIERS

SERVICE = "scheduler"
ABOUT = "What is due later: retries, triggers and schedules, and runs that would never end by themselves."

log = get_logger()


def create_app(settings: Settings | None = None, patience: Patience | None = None) -> AsgiFastStream:
    """The service; without settings they come from the environment. Nothing is opened before its lifespan starts.

    Raises ``TriggersFileInvalid``.
    """
    settings = settings or Settings()
    configure_logging(settings, SERVICE)
    what = declared(settings.triggers_file)
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
    kafka.broker.publisher(JOBS.named("{domain}"), title="retries.JobRequested", schema=JobRequested)
    for outcome in (RunCanceled, RunFailed):
        kafka.broker.publisher(RUNS.name, title=f"deadlines.{outcome.__name__}", schema=outcome)
    standing = Standing(what, control)
    if what.triggers:
        kafka.read(
            Firings(what.triggers, standing, kafka.publisher, telemetry, limit=settings.max_record_bytes),
            group=FIRINGS_GROUP,
            pattern=EVENTS.pattern,
            message=EventEnvelope,
            title="triggers",
            description="Accepted events; a trigger that wants one requests a run.",
        )
    if what.triggers or what.schedules:
        kafka.broker.publisher(OWN_INBOX, title="triggers.InboxJob", schema=InboxJob)
    tending = Tending(deadlines=deadlines.run)
    if what.schedules:
        ticking = Ticking(what.schedules, standing, control, kafka.publisher, mine=lambda: 0 in retries.tended)
        tending.add(schedules=ticking.run)

    async def begin() -> None:
        await standing.announce(kafka.publisher)
        tending.begin()
        log.info("service.ready", triggers=len(what.triggers), schedules=len(what.schedules))

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
            standing.settle(datetime.now(UTC))
            yield

    return AsgiFastStream(
        kafka.broker,
        asgi_routes=_health(kafka, control, tending).routes(),
        asyncapi_path=AsyncAPIRoute("/docs/asyncapi", try_it_out_path=None),
        specification=AsyncAPI(title="JobForge scheduler", version=environment.version),
        lifespan=lifespan,
        after_startup=[begin],
        on_shutdown=[tending.end],
        logger=None,
    )


class Tending:
    """Tasks that look again and again: begun when the producer is there, ended before it goes."""

    def __init__(self, **looks: Callable[[], Coroutine[None, None, None]]) -> None:
        self._looks = looks
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, **looks: Callable[[], Coroutine[None, None, None]]) -> None:
        """More to look after, before anything has begun."""
        self._looks.update(looks)

    def begin(self) -> None:
        """Start looking."""
        self._tasks = [asyncio.create_task(look(), name=name) for name, look in self._looks.items()]

    async def end(self) -> None:
        """Stop looking. A cancellation that the Redis client swallows is said again."""
        for _ in range(5):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                return
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.2)

    async def alive(self) -> None:
        """Raise when something does not look any more."""
        for task in self._tasks:
            if task.done():
                raise RuntimeError(f"nobody looks after {task.get_name()} any more")

    async def begun(self) -> None:
        """Raise before the first look."""
        if not self._tasks:
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
