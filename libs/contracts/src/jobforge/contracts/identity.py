"""Deterministic names: run ids, keys, partitions and trace ids, the same from whoever computes them."""

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from time import time
from uuid import UUID

import orjson

from jobforge.contracts.base import ID_PATTERN, JsonObject
from jobforge.contracts.canonical import digest

CLOCKS_APART = 86_400.0
"""Seconds by which the clock of whoever made a key may be ahead."""
_TENANT = re.compile(ID_PATTERN)
_RUNS = UUID("6f1e4c52-1a3d-5b8e-9c70-8d2a4be0f517")


def run_id_for_key(tenant_id: str, template_key: str, idempotency_key: str) -> UUID:
    """The run that a tenant's Idempotency-Key names, for ever."""
    return _derive("key", tenant_id, template_key, idempotency_key)


def run_id_for_record(cluster_id: str, topic: str, partition: int, offset: int) -> UUID:
    """The run that a record on an inbox topic names, however often it is read."""
    return _derive("record", cluster_id, topic, str(partition), str(offset))


def key_made_at(idempotency_key: str) -> datetime | None:
    """When a key was made, if it is a UUID of version 7 (RFC 9562), which says so; None for any other key.

    One that says a time to come is another kind of key: of random digits in hexadecimal, one in 64 looks like that.
    """
    try:
        named = UUID(idempotency_key)
    except ValueError:
        return None
    seconds = (named.int >> 80) / 1000
    return datetime.fromtimestamp(seconds, UTC) if named.version == 7 and seconds < time() + CLOCKS_APART else None


def event_id_for_record(cluster_id: str, topic: str, partition: int, offset: int) -> UUID:
    """The event that an inbox record without an ``event_id`` names."""
    return _derive("event", cluster_id, topic, str(partition), str(offset))


def body_digest(tenant_id: str, project_id: str | None, template_key: str, inputs: JsonObject, dry_run: bool) -> str:
    """What makes two requests under one key the same request; trace and actor do not count."""
    return digest([tenant_id, project_id, template_key, inputs, dry_run])


def id_text(named: UUID) -> str:
    """An id as text: what ``str`` makes of it, in a third of the time."""
    return orjson.dumps(named)[1:-1].decode()


def run_key(tenant_id: str, run_id: UUID) -> bytes:
    """The Kafka key of everything about a run: ``<tenant_id>:<run_id>``."""
    return f"{tenant_id}:{id_text(run_id)}".encode()


def parse_run_key(key: bytes | None) -> tuple[str, UUID] | None:
    """The tenant and run that a key names, or None for any key that ``run_key`` would not make."""
    try:
        tenant_id, _, run_id = (key or b"").decode().rpartition(":")
        named = UUID(run_id)
    except ValueError:
        return None
    return (tenant_id, named) if _TENANT.fullmatch(tenant_id) and id_text(named) == run_id else None


def event_key(source_app: str, tenant_id: str, subject_id: str | None, trace_id: str) -> bytes:
    """The Kafka key of an event: one subject's events share it, and so keep their order."""
    return f"{source_app}:{tenant_id}:{subject_id or trace_id}".encode()


def domain_of(template_key: str) -> str:
    """The domain that runs a template: ``settler`` of ``settler.contract.process``."""
    return template_key.partition(".")[0]


@lru_cache(maxsize=4096)
def otel_trace_id(trace_id: str) -> int:
    """The OpenTelemetry trace id (128 bits) of an app's trace id.

    Always hashed: an id used as it comes would skew ratio sampling, which looks at its low 64 bits.
    """
    text = unicodedata.normalize("NFC", trace_id).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16, person=b"jobforge-trace").digest(), "big")


def otel_root_span_id(trace_id: str) -> int:
    """The id (64 bits) of the one root span ``jobforge.trace`` of a trace."""
    text = unicodedata.normalize("NFC", trace_id).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"jobforge-root").digest(), "big")


@lru_cache(maxsize=4096)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition a key lives in: Kafka's own murmur2 rule, so any client that sets the key agrees."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _derive(*parts: str) -> UUID:
    # Length prefixes keep ("a", "bc") and ("ab", "c") apart.
    text = "".join(f"{len(part)}:{part}" for part in parts).encode()
    raw = bytearray(hashlib.blake2b(text, digest_size=16, key=_RUNS.bytes).digest())
    raw[6] = raw[6] & 0x0F | 0x80  # RFC 9562 version 8: a UUID of our own making
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))


def _murmur2(data: bytes) -> int:
    """Kafka's murmur2 (32 bits, seed 0x9747b28c), as in the Java client's ``Utils.murmur2``."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length >> 2
    for k in _words(whole).unpack_from(data):
        k = k * m & mask
        h = (h * m ^ (k ^ k >> 24) * m) & mask
    if length & 3:
        h = (h ^ int.from_bytes(data[whole << 2 :], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


@lru_cache(maxsize=512)
def _words(count: int) -> Struct:
    return Struct(f"<{count}I")
