"""A real server of the S3 protocol, and buckets on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3  # type: ignore[import-untyped]  # it ships no types
from moto.server import ThreadedMotoServer

from jobforge.native.ports import LOOPBACK

REGION, KEY = "us-east-1", "tester"


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket; ``client`` is boto3's, ``environment`` what a service needs to reach it."""

    name: str
    client: Any
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """A store in the bucket, as ``JOBFORGE_ARTIFACTS_URL`` names it."""
        return f"s3://{self.name}/plane"


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a running server."""
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> Bucket:
    """A bucket of its own."""
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=KEY
    )
    name = f"jobforge-{uuid4().hex}"
    client.create_bucket(Bucket=name)
    environment = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
    }
    return Bucket(name, client, environment)
