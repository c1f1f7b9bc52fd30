"""How consumers fetch and keep their place in a group."""

from collections.abc import Mapping
from typing import Any

from aiokafka.coordinator.assignors.range import RangePartitionAssignor

HURRIED: Mapping[str, Any] = {
    # Not "earliest", which would also pass over deleted records without a word: see KafkaConsumer.poll.
    "auto_offset_reset": "none",
    # What an idle reader costs everybody. Nothing else waits for it but a partition that is resumed beside idle ones.
    "fetch_max_wait_ms": 250,
    "max_partition_fetch_bytes": 2 * 1024 * 1024,
    # aiokafka's heartbeats share the event loop: sessions long enough for a busy moment, short enough for a crash.
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 3_000,
    # The budget of a drain on revoke (20 s) and some.
    "rebalance_timeout_ms": 60_000,
    "max_poll_interval_ms": 300_000,
    # Topics that match a pattern are noticed within this time.
    "metadata_max_age_ms": 10_000,
    # Each topic is shared out by itself, so that no member has a whole lane and its neighbour the other; and the same
    # partitions of every topic go to the same member. Exactly one: aiokafka joins the group once per assignor.
    "partition_assignment_strategy": (RangePartitionAssignor,),
}
"""For most readers."""

UNHURRIED: Mapping[str, Any] = {**HURRIED, "fetch_min_bytes": 1024 * 1024, "fetch_max_wait_ms": 200}
"""For a reader that nobody waits for: Kafka answers it five times a second, or when there is much to read."""
