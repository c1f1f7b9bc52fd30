"""Kafka away: restarted and frozen."""

import asyncio

from trial.fault import Fault, NotAsPromised, Stage

ANSWERED = 12.0
"""Seconds within which ingestion says that Kafka does not answer."""
SLACK = 2.0
"""What the client itself may take on a busy machine."""


async def restart(stage: Stage) -> None:
    """Stop the broker as an operator would and start it again."""
    await asyncio.to_thread(stage.plane.servers.kafka.stop)
    await asyncio.to_thread(stage.plane.servers.kafka.start)


async def crash(stage: Stage) -> None:
    """Kill the broker and start it again: it recovers its log."""
    await asyncio.to_thread(stage.plane.servers.kafka.kill)
    await asyncio.to_thread(stage.plane.servers.kafka.start)


async def freeze(stage: Stage) -> None:
    """Connections stay open and nobody answers."""
    stage.plane.servers.kafka.pause()
    try:
        await asyncio.sleep(stage.seconds)
    finally:
        stage.plane.servers.kafka.resume()


async def answered_in_time(stage: Stage) -> None:
    """Whoever asked while Kafka was away was told so."""
    if stage.clients.slowest > ANSWERED + SLACK:
        raise NotAsPromised(f"ingestion took {stage.clients.slowest:.1f} s to answer, {ANSWERED:g} are promised")


_EXPECTED = "accepted survives; ingestion answers 503 within 12 s, and recovers within 10 s of the broker"
ROWS = (
    Fault("kafka-restart", "Kafka restarted", _EXPECTED, restart, answered_in_time, seconds=8, recovers=10),
    Fault("kafka-crash", "Kafka killed and started", _EXPECTED, crash, answered_in_time, seconds=8, recovers=10),
    Fault("kafka-frozen", "Kafka frozen (SIGSTOP)", _EXPECTED, freeze, answered_in_time, seconds=20, recovers=10),
)
