"""What operators' commands share: they talk to Kafka itself, not to a door."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from jobforge.cli.failures import UNREACHABLE, Stop
from jobforge.ledger.artifact_bytes import StoreUnreachable
from jobforge.ledger.kafka_history import KafkaUnreachable


def kafka_bootstrap() -> str:
    """Where Kafka is, as the environment says."""
    return os.environ.get("JOBFORGE_KAFKA_BOOTSTRAP") or "127.0.0.1:9092"


@contextmanager
def operating() -> Iterator[None]:
    """Turns what cannot be reached into exit code 3; the Kafka client's own words about it stay unsaid."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        yield
    except KafkaUnreachable as error:
        remedy = "Start a plane with make up, or set JOBFORGE_KAFKA_BOOTSTRAP to host:port of a broker."
        raise Stop(str(error), remedy=remedy, code=UNREACHABLE) from error
    except StoreUnreachable as error:
        raise Stop(str(error), code=UNREACHABLE) from error
