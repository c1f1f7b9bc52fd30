"""``jobforge.control`` held in memory: templates, triggers, flags, apps and the partition count, up to date."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from jobforge.chassis.control_state import ControlState
from jobforge.chassis.logs import get_logger
from jobforge.chassis.settings import Settings
from jobforge.chassis.wire import Position, Publisher
from jobforge.contracts.control import FLAGS, ControlMessage, TemplateAnnounced, TriggerAnnounced
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.topics import CONTROL

POLL = 1.0
"""Seconds that one read waits for records; a new record is returned at once."""

log = get_logger()


class ControlUnreadable(RuntimeError):
    """``jobforge.control`` could not be read to its end in time: Kafka is away, or the topics were never applied."""


class WrongPartitions(RuntimeError):
    """This service was told another partition count than the plane was settled with."""


async def announce(publisher: Publisher, message: ControlMessage) -> Position:
    """Publish one control message under its key; raises as ``Publisher.publish`` does."""
    return await publisher.publish(CONTROL.name, key=message.key, value=message.to_bytes())


class ControlLog(Protocol):
    """Where control records are read from, with no consumer group."""

    async def open(self) -> None:
        """Begin at the first record; may raise ``OSError`` or ``KafkaError``."""
        ...

    async def read(self) -> list[tuple[int, bytes | None, bytes | None]]:
        """The next (offset, key, value), empty after a while without any."""
        ...

    async def at_end(self) -> bool:
        """Whether everything that was there when the log was opened has been read."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class ControlView:
    """The plane's control state in this process.

    ``log`` is where records come from; by default the real topic, by a consumer of its own.
    """

    def __init__(self, settings: Settings, *, log: ControlLog | None = None, timeout: float = 30.0) -> None:
        self.state = ControlState()
        self.ready = False
        self.on_change: list[Callable[[ControlState], None]] = []
        self._settings = settings
        self._log = log or KafkaControlLog(settings.kafka_bootstrap)
        self._timeout = timeout
        self._task: asyncio.Task[None] | None = None
        self._seen = -1

    @property
    def templates(self) -> Mapping[str, TemplateAnnounced]:
        """Every announced template by its key."""
        return self.state.templates

    @property
    def apps(self) -> frozenset[str]:
        """Apps whose topics exist."""
        return self.state.apps

    @property
    def partitions(self) -> int | None:
        """The plane's partition count, or None while no topics were applied."""
        return self.state.partitions

    def flag(self, name: str) -> bool:
        """A feature flag: control beats environment beats profile beats default. Raises ``KeyError`` for no flag."""
        said = self.state.flags.get(name)
        if name not in FLAGS:
            raise KeyError(name)
        return self._settings.flag(name) if said is None else said

    def template_enabled(self, template_key: str) -> bool:
        """Whether a template may be requested, by the same order of precedence; off by default."""
        said = self.state.enablement.get(template_key)
        return self._settings.template_enabled(template_key) if said is None else said

    @property
    def triggers(self) -> Mapping[str, TriggerAnnounced]:
        """Every announced trigger and schedule by its name."""
        return self.state.triggers

    def trigger_enabled(self, announced: TriggerAnnounced) -> bool:
        """Whether a trigger or schedule is on: a switch beats its file."""
        switched = self.state.trigger_switches.get(announced.name)
        return announced.enabled if switched is None else switched.enabled

    def trigger_since(self, announced: TriggerAnnounced) -> datetime:
        """Since when that is so: what happened before does not concern it."""
        switched = self.state.trigger_switches.get(announced.name)
        return announced.declared_at if switched is None else max(announced.declared_at, switched.switched_at)

    def last_tick(self, name: str) -> datetime | None:
        """The newest tick of a schedule whose run was requested."""
        return self.state.ticks.get(name)

    def check_partitions(self, settings: Settings) -> None:
        """Raises ``WrongPartitions``, with the setting to change, where the settings differ from the plane."""
        if self.partitions is not None and self.partitions != settings.partitions:
            raise WrongPartitions(
                f"this plane has {self.partitions} partitions and JOBFORGE_PARTITIONS says {settings.partitions}: "
                f"set JOBFORGE_PARTITIONS={self.partitions}"
            )

    async def start(self) -> None:
        """Read the topic to its end and follow it from there; raises ``ControlUnreadable`` after the timeout."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._log.open()
                while not await self._log.at_end():
                    self._fold(await self._log.read())
        except (OSError, KafkaError, TimeoutError) as error:
            await self._log.close()
            raise ControlUnreadable(
                f"{CONTROL.name} could not be read to its end within {self._timeout:g} s ({type(error).__name__}): is "
                "Kafka running at JOBFORGE_KAFKA_BOOTSTRAP, and were its topics applied?"
            ) from error
        self.ready = True
        self._task = asyncio.create_task(self._follow(), name="control")

    async def stop(self) -> None:
        """Stop following. The state stays as it was."""
        self.ready = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self._log.close()

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Fold one record in and tell ``on_change``; what cannot be read is logged and passed over."""
        try:
            changed = self.state.after(key, value)
        except Unreadable as error:
            log.warning("control.unreadable", key=(key or b"").decode(errors="replace"), reason=error.reason)
            return
        if changed == self.state:
            return
        self.state = changed
        for told in self.on_change:
            told(changed)

    def _fold(self, records: list[tuple[int, bytes | None, bytes | None]]) -> None:
        for offset, key, value in records:
            if offset <= self._seen:  # the topic was made anew: what the old one said no longer holds
                self.state = ControlState()
            self._seen = offset
            self.apply(key, value)

    async def _follow(self) -> None:
        while True:
            try:
                records = await self._log.read()
            except (OSError, KafkaError) as error:
                log.warning("control.unreachable", error=type(error).__name__)
                await asyncio.sleep(POLL)
            except Exception:
                log.exception("control.not_read")
                await asyncio.sleep(POLL)
            else:
                for record in records:
                    self._fold_or_tell(record)

    def _fold_or_tell(self, record: tuple[int, bytes | None, bytes | None]) -> None:
        """One record that nobody can fold, or a listener that fails, must not freeze the state for all that follow."""
        try:
            self._fold([record])
        except Exception:
            log.exception("control.not_folded", offset=record[0])


class KafkaControlLog:
    """The real topic, read by a consumer without a group."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._at = TopicPartition(CONTROL.name, 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._end = 0

    async def open(self) -> None:
        """Connect, retrying while Kafka is away, and go to the first record."""
        while True:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id="jobforge-control",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=500,
                metadata_max_age_ms=30_000,
            )
            try:
                await self._consumer.start()
                break
            except (OSError, KafkaError):
                await self.close()
                await asyncio.sleep(0.5)
        self._consumer.assign([self._at])
        await self._consumer.seek_to_beginning(self._at)
        self._end = (await self._consumer.end_offsets([self._at]))[self._at]

    async def read(self) -> list[tuple[int, bytes | None, bytes | None]]:
        """The next records; empty after a second without any."""
        batches: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = await self._open_consumer().getmany(
            self._at, timeout_ms=int(POLL * 1000)
        )
        return [(record.offset, record.key, record.value) for batch in batches.values() for record in batch]

    async def at_end(self) -> bool:
        """Whether the end at the time of opening is reached."""
        position: int = await self._open_consumer().position(self._at)
        return position >= self._end

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    def _open_consumer(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("open() comes first")
        return self._consumer
