"""A connection that closes under aiokafka's hands is a lost connection, also where uvloop has another word for it."""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_MARK = "_says_when_it_is_closed"


def install() -> None:
    """From now on such a write raises ``KafkaConnectionError``, in every client of the process; again changes nothing.

    uvloop raises ``RuntimeError`` for it, which aiokafka expects nowhere: the task that keeps a client's metadata ends
    without a word, and whoever looks for a coordinator then waits for ever.
    """
    write = AIOKafkaConnection.send
    if hasattr(write, _MARK):
        return

    def send(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
        try:
            return write(self, request, expect_response)
        except KafkaError:  # which is a RuntimeError, too
            raise
        except RuntimeError as closed:
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self.host}:{self.port} closed: {closed}") from closed

    setattr(send, _MARK, True)
    AIOKafkaConnection.send = send
