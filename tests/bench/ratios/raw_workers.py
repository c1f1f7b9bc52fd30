"""The processes of the raw path: a worker that answers each request, a projector that stores and announces each answer.

Run as ``python raw_workers.py worker|projector <kafka> <redis>``.
"""

import sys

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

JOBS = "bench.jobs"
RUNS = "bench.runs"
DONE = "bench-done"
"""The Redis channel of the ids that are done, joined by spaces, once a batch."""


def consumer_of(topic: str, bootstrap: str) -> AIOKafkaConsumer:
    """A consumer in a group of its own that commits now and then."""
    return AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=f"{topic}-raw", auto_offset_reset="earliest")


async def work(bootstrap: str) -> None:
    """Answer every request with its own bytes."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    async with consumer_of(JOBS, bootstrap) as consumer:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    await producer.send(RUNS, key=record.key, value=record.value)


async def project(bootstrap: str, redis_url: str) -> None:
    """Keep every answer in Redis and say so."""
    redis = Redis.from_url(redis_url)
    async with consumer_of(RUNS, bootstrap) as consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            records = [record for batch in batches.values() for record in batch]
            if not records:
                continue
            async with redis.pipeline(transaction=False) as pipe:
                for record in records:
                    pipe.set(b"bench:" + record.key, record.value)
                pipe.publish(DONE, b" ".join(record.key for record in records))
                await pipe.execute()


if __name__ == "__main__":
    role, kafka, redis_address = sys.argv[1:]
    uvloop.run(work(kafka) if role == "worker" else project(kafka, redis_address))
