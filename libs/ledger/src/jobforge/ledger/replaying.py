"""Replays dead letters through the operators' inbox, not faster than told, and says what cannot be replayed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.topics import MAX_MESSAGE_BYTES
from jobforge.ledger.dead_letters import DeadLetter, Wanted
from jobforge.ledger.kafka_history import REACH_WITHIN, KafkaHistory, KafkaUnreachable
from jobforge.ledger.records import Position
from jobforge.ledger.replays import REPLAY_TOPIC, NotReplayable, encoded, replay_of

Publish = Callable[[bytes | None, bytes], Awaitable[None]]
"""Writes one record, key and value, on the operators' inbox and returns when Kafka holds it."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What becomes of one dead letter: a request, or in words why not."""

    letter: DeadLetter
    job: InboxJob | None
    refusal: str | None = None


async def dead_letters(history: KafkaHistory, wanted: Wanted) -> AsyncIterator[DeadLetter]:
    """Those of every dead-letter topic that are meant, oldest offset first."""
    async for letter in _all(history):
        if wanted.takes(letter):
            yield letter


async def planned(history: KafkaHistory, wanted: Wanted) -> AsyncIterator[Replay]:
    """What a replay of these is. A run that was set aside more than once is replayed once, whichever is chosen."""
    firsts: dict[bytes, Position] = {}
    taken: set[Position] = set()
    async for letter in _all(history):
        first = firsts.setdefault(letter.record.key, letter.position) if letter.record.key else letter.position
        if not wanted.takes(letter):
            continue
        try:
            job = replay_of(letter, first=first)
        except NotReplayable as error:
            yield Replay(letter, None, str(error))
            continue
        if first in taken:
            yield Replay(letter, None, f"the same request as {first}")
            continue
        taken.add(first)
        yield Replay(letter, job)


async def replay(plans: AsyncIterator[Replay], publish: Publish, *, rate: float) -> AsyncIterator[Replay]:
    """Publish each as it comes, at most ``rate`` a second; gives every plan back once it is done with."""
    clock = asyncio.get_running_loop().time
    due = clock()
    async for plan in plans:
        if plan.job is not None:
            await asyncio.sleep(due - clock())
            due = max(due, clock()) + 1 / rate
            await publish(plan.letter.record.key, encoded(plan.job))
        yield plan


@asynccontextmanager
async def inbox(bootstrap: str) -> AsyncIterator[Publish]:
    """A way to the operators' inbox; raises ``KafkaUnreachable``, also while publishing."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id="jobforge-dlq",
        acks="all",
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=int(REACH_WITHIN * 1000),
    )

    async def publish(key: bytes | None, value: bytes) -> None:
        try:
            async with asyncio.timeout(2 * REACH_WITHIN):
                await producer.send_and_wait(REPLAY_TOPIC, key=key, value=value)
        except (KafkaError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise KafkaUnreachable(
                f"{REPLAY_TOPIC} at {bootstrap} did not take a replay: {why}. What was replayed before stays so; "
                "repeating the command changes nothing about it"
            ) from error

    try:
        try:
            async with asyncio.timeout(REACH_WITHIN):
                await producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            raise KafkaUnreachable(f"Kafka does not answer at {bootstrap} (JOBFORGE_KAFKA_BOOTSTRAP)") from error
        yield publish
    finally:
        await producer.stop()


async def _all(history: KafkaHistory) -> AsyncIterator[DeadLetter]:
    for at, span in sorted((await history.dead_letter_spans()).items()):
        async for records in history.read({at: span}):
            for record in records:
                yield DeadLetter(record)
