"""The artifact store over a real directory and over a real S3 protocol server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from jobforge.chassis.artifacts import ArtifactStore, NotFound, StoreUnavailable, TooLarge
from jobforge.testkit.s3 import Bucket

MIB = 1024 * 1024
RUN = UUID("01890000-0000-7000-8000-000000000001")

Leftovers = Callable[[], set[str]]
"""Every object and every unfinished upload that the store holds."""


@pytest.fixture(params=["file", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ArtifactStore, Leftovers]:
    if request.param == "file":
        root = tmp_path / "made when missing"
        return ArtifactStore(root.as_uri()), lambda: {
            str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()
        }
    bucket: Bucket = request.getfixturevalue("bucket")

    def leftovers() -> set[str]:
        objects = bucket.client.list_objects_v2(Bucket=bucket.name).get("Contents", [])
        unfinished = bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])
        return {found["Key"].removeprefix("plane/") for found in objects} | {
            f"unfinished {found['Key']}" for found in unfinished
        }

    return ArtifactStore(bucket.url), leftovers


async def pieces(data: bytes, *, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for first in range(0, len(data), size):
        yield data[first : first + size]


async def upload(store: ArtifactStore, data: bytes, *, limit: int = 64 * MIB) -> None:
    await store.put_object("acme", "contract", "c-1", pieces(data), content_type="text/plain", limit=limit)


async def eventually(leftovers: Leftovers, expected: set[str]) -> None:
    """The store undoes some failures in the background; wait for it."""
    async with asyncio.timeout(10):
        while leftovers() != expected:  # noqa: ASYNC110 - the store tells nobody when it has cleaned up
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("size", [0, 1, 3 * MIB, 12 * MIB])
async def test_an_upload_is_read_back_as_it_was(backend: tuple[ArtifactStore, Leftovers], size: int) -> None:
    """Any size, empty and multipart included, comes back byte for byte with its digest and type."""
    store, _ = backend
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]

    info = await store.put_object("acme", "contract", "c-1", pieces(data), content_type="text/plain", limit=size)
    found = await store.read_object("acme", "contract", "c-1")

    assert found is not None
    assert found.data == data
    assert (info.size, info.sha256, info.content_type) == (size, hashlib.sha256(data).hexdigest(), "text/plain")
    assert (found.size, found.sha256, found.content_type) == (info.size, info.sha256, info.content_type)


async def test_an_object_of_another_tenant_is_not_there(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """Objects are read under their own tenant, kind and id only."""
    store, _ = backend
    await upload(store, b"ours")
    assert await store.read_object("evil", "contract", "c-1") is None
    assert await store.read_object("acme", "asset", "c-1") is None
    assert await store.read_object("acme", "contract", "c-2") is None


async def test_replacing_an_object_leaves_one_copy(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """The newer upload wins and the older one's bytes are gone."""
    store, leftovers = backend
    await upload(store, b"older")
    await upload(store, b"newer")
    found = await store.read_object("acme", "contract", "c-1")
    assert found is not None
    assert found.data == b"newer"
    assert len(leftovers()) == 2, "one pointer, one blob"


async def test_readers_never_see_a_mixture_while_an_object_is_replaced(
    backend: tuple[ArtifactStore, Leftovers],
) -> None:
    """Each read during many replacements is one whole upload, with the digest that belongs to it."""
    store, _ = backend
    await upload(store, b"0" * 100_000)
    done = asyncio.Event()

    async def replace() -> None:
        for number in range(1, 10):
            await upload(store, str(number).encode() * 100_000)
        done.set()

    replacing = asyncio.create_task(replace())
    while not done.is_set():
        found = await store.read_object("acme", "contract", "c-1")
        assert found is not None
        assert len(found.data) == 100_000
        assert len(set(found.data)) == 1
        assert hashlib.sha256(found.data).hexdigest() == found.sha256
    await replacing


@pytest.mark.parametrize("limit", [100_000, 11 * MIB])
async def test_an_upload_over_the_limit_is_refused_while_it_streams(
    backend: tuple[ArtifactStore, Leftovers], limit: int
) -> None:
    """It is refused with the first piece too many, before the rest is read, and nothing stays."""
    store, leftovers = backend
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 64 * 1024
            yield b"x" * 64 * 1024

    with pytest.raises(TooLarge):
        await store.put_object("acme", "contract", "c-1", endless(), content_type="text/plain", limit=limit)
    assert read <= limit + 64 * 1024
    await eventually(leftovers, set())


async def test_an_upload_that_breaks_leaves_the_older_one(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """When the sender's stream fails, its error comes out, and the object is what it was before."""
    store, leftovers = backend
    await upload(store, b"older")
    before = leftovers()

    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * 11 * MIB
        raise ConnectionResetError("the app went away")

    with pytest.raises(ConnectionResetError):
        await store.put_object("acme", "contract", "c-1", breaking(), content_type="text/plain", limit=64 * MIB)
    await eventually(leftovers, before)
    found = await store.read_object("acme", "contract", "c-1")
    assert found is not None
    assert found.data == b"older"


@pytest.mark.parametrize("sent", [0, 1, 13 * MIB])
async def test_a_cancelled_upload_leaves_nothing(backend: tuple[ArtifactStore, Leftovers], sent: int) -> None:
    """Parts that were already stored are given up, at S3 too."""
    store, leftovers = backend
    waiting = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        if sent:
            yield b"x" * sent
        waiting.set()
        await asyncio.Event().wait()

    uploading = asyncio.create_task(
        store.put_object("acme", "contract", "c-1", stalling(), content_type="text/plain", limit=64 * MIB)
    )
    await waiting.wait()
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    await eventually(leftovers, set())


async def test_an_artifact_is_read_back_whole_and_in_pieces(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """Its location is a path under the run, and says which claim wrote it."""
    store, _ = backend
    data = bytes(range(256)) * 4096
    written = await store.write_artifact("acme", RUN, 1, "claim-1", "a.json", data, "application/json")
    assert written.location == f"artifacts/acme/{RUN}/1-claim-1/a.json"
    assert (written.size, written.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert await store.read(written.location) == data
    assert b"".join([piece async for piece in store.stream(written.location)]) == data


async def test_two_claims_of_one_attempt_do_not_touch_each_other(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """A worker that lost its partition cannot overwrite what the winner stored."""
    store, _ = backend
    first = await store.write_artifact("acme", RUN, 1, "claim-1", "a.txt", b"winner", "text/plain")
    await store.write_artifact("acme", RUN, 1, "claim-2", "a.txt", b"loser", "text/plain")
    assert await store.read(first.location) == b"winner"


async def test_a_missing_artifact_is_not_found(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """Reading and streaming both say so."""
    store, _ = backend
    location = f"artifacts/acme/{RUN}/1-claim/none.txt"
    with pytest.raises(NotFound):
        await store.read(location)
    with pytest.raises(NotFound):
        await anext(store.stream(location))


async def test_a_manifest_is_archived_and_replaced(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """Writing it again is harmless; a run without one has None."""
    store, leftovers = backend
    assert await store.read_manifest("acme", RUN) is None
    await store.write_manifest("acme", RUN, b"{}")
    await store.write_manifest("acme", RUN, b'{"a":1}')
    assert await store.read_manifest("acme", RUN) == b'{"a":1}'
    assert leftovers() == {f"manifests/acme/{RUN}.json"}


async def test_many_manifests_are_archived_together(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """Each under its own run, complete, and nothing half-written beside it."""
    store, leftovers = backend
    written: dict[tuple[str, UUID | str], bytes] = {
        ("acme" if number % 2 else "other", uuid4()): b"%d" % number * 9000 for number in range(40)
    }
    await store.write_manifests(written)
    for (tenant_id, run_id), data in written.items():
        assert await store.read_manifest(tenant_id, run_id) == data
    assert leftovers() == {f"manifests/{tenant_id}/{run_id}.json" for tenant_id, run_id in written}


async def test_a_store_that_takes_no_manifests_says_so(tmp_path: Path) -> None:
    """Whoever archives them tries again."""
    store = ArtifactStore(tmp_path.as_uri())
    (tmp_path / "manifests").write_bytes(b"a file where the directory should be")
    with pytest.raises(StoreUnavailable):
        await store.write_manifests({("acme", RUN): b"{}"})


async def test_ping_passes_on_a_store_that_works(backend: tuple[ArtifactStore, Leftovers]) -> None:
    """It writes and reads for real."""
    store, _ = backend
    await store.ping()


async def test_a_store_that_cannot_be_reached_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket behind a dead address gives ``StoreUnavailable``, for every verb."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tester")
    store = ArtifactStore("s3://nowhere")
    for attempt in (store.ping(), upload(store, b"x"), store.read_manifest("acme", RUN)):
        with pytest.raises(StoreUnavailable):
            await attempt


async def test_a_directory_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A file in the way of a directory is an error with a name, not a crash."""
    store = ArtifactStore(tmp_path.as_uri())
    (tmp_path / "health").write_text("in the way")
    (tmp_path / "objects").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await store.ping()
    with pytest.raises(StoreUnavailable):
        await upload(store, b"x")


async def test_artifacts_are_listed_with_their_run_and_can_be_deleted_alone(
    backend: tuple[ArtifactStore, Leftovers],
) -> None:
    """Uploads and manifests are not among them; one is deleted alone, and again without harm."""
    store, leftovers = backend
    await upload(store, b"an upload")
    await store.write_manifest("acme", RUN, b"{}")
    one, two = [await store.write_artifact("acme", RUN, 1, claim, "a.txt", b"123", "text/plain") for claim in "ab"]
    listed = [file for page in [page async for page in store.list_artifacts()] for file in page]
    assert {(file.tenant_id, file.run_id, file.location, file.size) for file in listed if file.written_at.tzinfo} == {
        ("acme", RUN, written.location, 3) for written in (one, two)
    }
    before = leftovers()
    assert await store.delete_artifact(one.location)
    await store.delete_artifact(one.location)
    assert leftovers() == before - {one.location}
    with pytest.raises(ValueError, match="not an artifact's location"):
        await store.delete_artifact(f"manifests/acme/{RUN}.json")
