"""An embedding endpoint is used as configured, and each way in which it fails has its name."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import HttpUrl, SecretStr

from jobforge.aias.embedders import AT_ONCE, Embedder, EmbeddingSettings, vectors_of
from jobforge.aias.errors import EmbeddingsRefused, EmbeddingsUnavailable, EmbeddingsUnusable
from jobforge.aias.indexing import Indexing
from jobforge.aias.searching import Searching
from jobforge.aias.storing.shelf import Shelf
from jobforge.aias.templates import knowledge_index, knowledge_search
from jobforge.documents.bounds import Bounds
from jobforge.testkit.recording_job import RecordingJob


class Endpoint(ThreadingHTTPServer):
    """Speaks OpenAI's embeddings protocol: a vector tells how often each of four letters occurs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body: bytes | None = None
        self.asked: list[tuple[str, str | None, int]] = []

    @property
    def url(self) -> HttpUrl:
        return HttpUrl(f"http://127.0.0.1:{self.server_port}/v1/")


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Endpoint

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), len(asked["input"])))
        rows = [[float(text.count(letter)) for letter in "aeio"] for text in asked["input"]]
        data = [{"index": number, "embedding": row} for number, row in enumerate(rows)]
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body or json.dumps({"data": data[::-1]}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def remote(endpoint: Endpoint) -> Embedder:
    return Embedder(EmbeddingSettings(url=endpoint.url, key=SecretStr("s3cret"), model="letters"))


async def test_texts_are_sent_in_batches_with_the_key_and_come_back_in_order(
    remote: Embedder, endpoint: Endpoint
) -> None:
    """The answer may be in any order."""
    texts = ["a" * number for number in range(AT_ONCE + 1)]
    rows = await remote.ask(texts)
    assert [row[0] for row in rows] == list(range(AT_ONCE + 1))
    assert endpoint.asked == [("/v1/embeddings", "Bearer s3cret", AT_ONCE), ("/v1/embeddings", "Bearer s3cret", 1)]


async def test_an_index_of_an_endpoints_vectors_is_searched_with_its_vectors(
    remote: Embedder, shelf: Shelf, recording_job: RecordingJob
) -> None:
    """Of its dimension, remembered under its model's name."""
    job = recording_job
    job.objects = {("document", "a"): b"aaaa", ("document", "e"): b"eeee", ("document", "x"): b"xyz"}
    indexing = Indexing(shelf, remote, Bounds(), most_chunks=10)
    inputs = knowledge_index.Inputs(document_ids=("a", "e", "x"), index_type="vector")
    outputs = await knowledge_index.run(inputs, job, indexing=indexing)
    assert (outputs.embedder, outputs.dimensions) == ("endpoint:letters", 4)
    searching = Searching(shelf, remote, budget=1)
    found = await knowledge_search.run(knowledge_search.Inputs(query="ae ee"), job, searching=searching)
    assert [hit.document_id for hit in found.hits] == ["e", "a"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, EmbeddingsUnavailable),
        (503, EmbeddingsUnavailable),
        (429, EmbeddingsUnavailable),
        (401, EmbeddingsRefused),
        (404, EmbeddingsRefused),
    ],
)
async def test_an_endpoint_that_says_no_is_told_apart_from_one_that_is_overloaded(
    remote: Embedder, endpoint: Endpoint, status: int, error: type[Exception]
) -> None:
    """Only the latter is worth another try; the key is in no message."""
    endpoint.status, endpoint.body = status, b"because"
    with pytest.raises(error, match=f"{status}: because") as raised:
        await remote.ask(["a"])
    assert "s3cret" not in str(raised.value)


async def test_an_endpoint_that_is_down_is_unavailable() -> None:
    """Nothing listens there."""
    server = Endpoint()
    url = server.url
    server.server_close()
    with pytest.raises(EmbeddingsUnavailable, match="JOBFORGE_AIAS_EMBEDDINGS_URL"):
        await Embedder(EmbeddingSettings(url=url)).ask(["a"])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": ["a"]}]}',
        b'{"data": [{"index": 0, "embedding": [NaN]}]}',
        b'{"data": [{"index": 0, "embedding": [1e999]}]}',
        b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}]}',
        b'{"data": [{"embedding": [1]}]}',
    ],
)
def test_nonsense_is_refused(body: bytes) -> None:
    """Never a vector that is none."""
    with pytest.raises(EmbeddingsUnusable):
        vectors_of(body, 1)
