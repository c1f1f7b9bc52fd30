"""What a write to a connection that is just gone looks like to aiokafka."""

import asyncio
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from jobforge.chassis.closed_connections import install


async def just_closed() -> AIOKafkaConnection:
    """A connection whose transport has closed, and that has not been told yet."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    _, writer = await asyncio.open_connection(host, port)
    made: Any = AIOKafkaConnection(host, port)
    made._writer = writer
    writer.transport.abort()
    await asyncio.sleep(0)
    server.close()
    return made


def test_a_client_whose_broker_was_killed_never_stops_asking_for_metadata() -> None:
    """It did, without a word, and commits timed out for ever: the write must fail as aiokafka expects it to."""
    install()
    install()

    async def write() -> None:
        connection = await just_closed()
        with pytest.raises(KafkaConnectionError, match="closed"):
            await connection.send(ApiVersionRequest())
        assert not connection.connected()

    uvloop.run(write())
