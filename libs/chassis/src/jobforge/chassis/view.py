"""Connections to Redis, which holds views and never the truth."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 3.0
"""Seconds; a caller that cannot wait this long wraps its call in a timeout of its own."""


def connect(url: str, *, timeout: float = ANSWER_TIMEOUT, connections: int = 64) -> Redis:
    """A pooled client that answers in bytes. Nothing is opened yet, and nothing is retried: callers know what is safe.

    Every call raises ``redis.exceptions.RedisError`` within ``timeout`` seconds when Redis is away.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=timeout,
        socket_keepalive=True,
        health_check_interval=15,
        max_connections=connections,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )
