"""A commit that its caller gave up may fail unheard.

aiokafka shields the request of a commit from the cancellation of whoever waits for it. Nobody holds the shielded task
then, and its failure, up to one request's time later, is written by asyncio as an error with a traceback.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer


def install(consumer: AIOKafkaConsumer) -> None:
    """Hear the end of every commit of a started consumer; whoever still waits for it hears it as well."""
    coordinator = consumer._coordinator
    commit = coordinator._do_commit_offsets

    def heard(*what: Any) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.ensure_future(commit(*what))
        task.add_done_callback(_hear)
        return task

    coordinator._do_commit_offsets = heard


def _hear(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()
