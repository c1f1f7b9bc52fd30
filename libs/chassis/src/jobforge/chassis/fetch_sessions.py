"""Incremental fetches (KIP-227), which aiokafka does not know: a fetch names what changed, its answer what is new.

Without them a service that reads a hundred partitions names all of them in every fetch and is told of all of them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import for_code
from aiokafka.protocol.fetch import FetchRequest

SESSIONS_SINCE = 11
"""The version of the request that is written here; any other goes out as aiokafka writes it, without a session."""
FULL, LAST_EPOCH = 0, 2**31 - 1

Send = Callable[..., Awaitable[Any]]
At = tuple[str, int]
Asked = Mapping[At, tuple[int, int]]
"""By topic and partition: fetch offset and most bytes."""


class SessionFetch(FetchRequest):  # type: ignore[misc]  # aiokafka ships no types
    """A fetch in a session: partitions that are new in it or asked otherwise than before, and those that left it."""

    def __init__(
        self, whole: FetchRequest, *, session: int, epoch: int, changed: Asked, forgotten: Iterable[At]
    ) -> None:
        self.__dict__.update(whole.__dict__)
        self.session, self.epoch = session, epoch
        self.changed, self.forgotten = changed, forgotten

    def build(self, request_struct_class: Any) -> Any:
        """See ``aiokafka.protocol.api.Request.build``."""
        if request_struct_class.API_VERSION != SESSIONS_SINCE:
            return super().build(request_struct_class)
        asked = [(topic, (part, -1, offset, -1, size)) for (topic, part), (offset, size) in self.changed.items()]
        return request_struct_class(
            -1,
            self._max_wait_ms,
            self._min_bytes,
            self._max_bytes,
            self._isolation_level,
            self.session,
            self.epoch,
            _by_topic(asked),
            _by_topic(self.forgotten),
            self._rack_id,
        )


class FetchSession:
    """What one broker remembers of one consumer's fetches. After anything unusual the next fetch names everything."""

    def __init__(self) -> None:
        self._id = 0
        self._epoch = FULL
        self._asked: Asked = {}

    async def fetch(self, send: Send, whole: FetchRequest) -> Any:
        """The answer to a fetch, sent as short as can be; raises ``KafkaError``."""
        wanted = {(topic, part): (offset, size) for topic, parts in whole.topics for part, offset, size in parts}
        response = await self._exchange(send, whole, wanted)
        code = getattr(response, "error_code", 0)
        if code and self._epoch != FULL:
            self._epoch = FULL
            response = await self._exchange(send, whole, wanted)
            code = response.error_code
        if code:
            self._epoch = FULL
            raise for_code(code)()
        self._id = getattr(response, "session_id", 0)  # 0: this broker has no room for another session
        self._epoch = FULL if self._id == 0 else 1 if self._epoch == LAST_EPOCH else self._epoch + 1
        self._asked = wanted
        # aiokafka looks up where each partition was asked for: those that were told of suffice.
        whole._topics = [
            (topic, [(part, *wanted[topic, part]) for part, *_ in told]) for topic, told in response.topics
        ]
        return response

    async def _exchange(self, send: Send, whole: FetchRequest, wanted: Asked) -> Any:
        asked: Asked = {} if self._epoch == FULL else self._asked
        changed = {at: how for at, how in wanted.items() if asked.get(at) != how}
        forgotten = [at for at in asked if at not in wanted]
        request = SessionFetch(whole, session=self._id, epoch=self._epoch, changed=changed, forgotten=forgotten)
        try:
            return await send(request)
        except BaseException:  # also when nobody waits for the answer any more: the broker may have seen it or not
            self._epoch = FULL
            raise


def install(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer fetch in sessions, one on each connection to a broker."""
    client = consumer._client
    send_any: Send = client.send
    sessions: dict[tuple[int, int], FetchSession] = {}

    async def send(node_id: int, request: Any, **more: Any) -> Any:
        if not isinstance(request, FetchRequest):
            return await send_any(node_id, request, **more)
        session = sessions.setdefault((node_id, more.get("group", 0)), FetchSession())
        return await session.fetch(lambda shorter: send_any(node_id, shorter, **more), request)

    client.send = send


def _by_topic(named: Iterable[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    return [(topic, [each for _, each in found]) for topic, found in groupby(sorted(named), key=itemgetter(0))]
