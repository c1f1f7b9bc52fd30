"""Artifacts that no manifest names are deleted when they are old enough, and nothing else ever is."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable
from jobforge.contracts.runs import ArtifactWritten, Outcome
from jobforge.manifest import sweeper
from jobforge.manifest.sealing import seal
from jobforge.manifest.sweeper import Sweeper, Swept
from jobforge.testkit.run_records import canceled, failed, succeeded
from jobforge.testkit.waiting import until

DAY = timedelta(hours=24)


async def written(store: ArtifactStore, run_id: UUID, claim: str, name: str = "a.txt") -> ArtifactWritten:
    """A file of one claim."""
    return await store.write_artifact("acme", run_id, 1, claim, name, b"12345", "text/plain")


async def ended(store: ArtifactStore, outcome: Outcome) -> None:
    """The run's manifest is in the archive."""
    await store.write_manifest(outcome.tenant_id, outcome.run_id, seal(outcome, ()).value)


def aged(root: Path, *, hours: float = 25) -> None:
    """Everything in the store was written that long ago."""
    then = time.time() - hours * 3600
    for file in root.rglob("*"):
        os.utime(file, (then, then))


def files(root: Path) -> set[str]:
    """All that the store holds."""
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


async def test_what_the_winner_wrote_stays_and_what_others_wrote_goes(artifacts: ArtifactStore, tmp_path: Path) -> None:
    """A late attempt's files, and one that the winner's manifest does not name; both are counted."""
    run_id = uuid4()
    kept = await written(artifacts, run_id, "winner")
    await written(artifacts, run_id, "winner", "dropped.txt")
    await written(artifacts, run_id, "late")
    await ended(artifacts, succeeded(run_id, claim="winner", artifacts=(kept,)))
    before = counted()
    aged(tmp_path)
    assert await Sweeper(artifacts, after=DAY).sweep() == Swept(files=2, size=10)
    assert files(tmp_path) == {kept.location, f"manifests/acme/{run_id}.json"}
    assert counted() == (before[0] + 2, before[1] + 10)
    assert await artifacts.read(kept.location) == b"12345"
    assert await Sweeper(artifacts, after=DAY).sweep() == Swept()


@pytest.mark.parametrize("end", [failed, canceled])
async def test_a_run_that_did_not_succeed_names_nothing(artifacts: ArtifactStore, tmp_path: Path, end: Any) -> None:
    """Whatever its attempts wrote is of no use to anybody."""
    run_id = uuid4()
    await written(artifacts, run_id, "one")
    await ended(artifacts, end(run_id))
    aged(tmp_path)
    assert (await Sweeper(artifacts, after=DAY).sweep()).files == 1
    assert files(tmp_path) == {f"manifests/acme/{run_id}.json"}


async def test_a_file_younger_than_the_setting_is_left_alone(artifacts: ArtifactStore, tmp_path: Path) -> None:
    """By the store's own word of when it was written."""
    run_id = uuid4()
    late = await written(artifacts, run_id, "late")
    await ended(artifacts, succeeded(run_id))
    aged(tmp_path, hours=23)
    assert await Sweeper(artifacts, after=DAY).sweep() == Swept()
    assert late.location in files(tmp_path)
    assert (await Sweeper(artifacts, after=timedelta(hours=22)).sweep()).files == 1


async def test_a_run_without_a_manifest_is_left_alone_however_old(artifacts: ArtifactStore, tmp_path: Path) -> None:
    """It may still be at work, and any of its attempts may win."""
    await written(artifacts, uuid4(), "one")
    aged(tmp_path, hours=10_000)
    before = files(tmp_path)
    assert await Sweeper(artifacts, after=DAY).sweep() == Swept(unended=1)
    assert files(tmp_path) == before


async def test_uploads_archived_manifests_and_strangers_files_are_never_touched(
    artifacts: ArtifactStore, tmp_path: Path
) -> None:
    """Only what has an artifact's own path can be swept."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"a contract"

    run_id = uuid4()
    await ended(artifacts, failed(run_id))
    await artifacts.put_object("acme", "contract", "c", chunks(), content_type="text/plain", limit=100)
    strange = (
        f"artifacts/acme/{run_id}/notes.txt",
        "artifacts/acme/no-run/1-c/a.txt",
        f"artifacts/acme/{run_id}/1-c/deeper/a.txt",
    )
    for path in strange:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    aged(tmp_path)
    before = files(tmp_path)
    assert await Sweeper(artifacts, after=DAY).sweep() == Swept()
    assert files(tmp_path) == before


async def test_a_manifest_that_cannot_be_read_or_is_another_runs_judges_nothing(
    artifacts: ArtifactStore, tmp_path: Path
) -> None:
    """Its files stay, and the others' are swept all the same."""
    broken, foreign, sound = uuid4(), uuid4(), uuid4()
    for run_id in (broken, foreign, sound):
        await written(artifacts, run_id, "late")
        await ended(artifacts, failed(run_id))
    await artifacts.write_manifest("acme", broken, b"{not json")
    await artifacts.write_manifest("acme", foreign, seal(failed(sound), ()).value)
    aged(tmp_path)
    assert await Sweeper(artifacts, after=DAY).sweep() == Swept(files=1, size=5, failed=2)
    assert {path.split("/")[2] for path in files(tmp_path) if path.startswith("artifacts/")} == {
        str(broken),
        str(foreign),
    }


async def test_two_replicas_that_sweep_at_once_leave_what_one_leaves(artifacts: ArtifactStore, tmp_path: Path) -> None:
    """What the other one deleted is gone, which is no error, and is counted once."""
    kept = set()
    for _ in range(60):
        run_id = uuid4()
        winner = await written(artifacts, run_id, "winner")
        await written(artifacts, run_id, "late")
        await ended(artifacts, succeeded(run_id, claim="winner", artifacts=(winner,)))
        kept.add(winner.location)
    aged(tmp_path)
    both = await asyncio.gather(*(Sweeper(artifacts, after=DAY).sweep() for _ in range(2)))
    assert sum(swept.files for swept in both) == 60
    assert sum(swept.failed for swept in both) == 0
    assert {path for path in files(tmp_path) if path.startswith("artifacts/")} == kept


async def test_more_files_than_a_page_are_all_judged(artifacts: ArtifactStore, tmp_path: Path) -> None:
    """One run with more of them than are listed together."""
    run_id = uuid4()
    kept = [await written(artifacts, run_id, "winner", f"{number}.txt") for number in range(300)]
    for number in range(300):
        await written(artifacts, run_id, "late", f"{number}.txt")
    await ended(artifacts, succeeded(run_id, artifacts=tuple(kept)))
    aged(tmp_path)
    assert (await Sweeper(artifacts, after=DAY).sweep()).files == 300
    assert {path for path in files(tmp_path) if path.startswith("artifacts/")} == {each.location for each in kept}


class Failing(ArtifactStore):
    """A store that refuses some calls."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.refusals = {"list": 0, "read": 0, "delete": 0}

    def _refuse(self, call: str) -> None:
        if self.refusals[call] > 0:
            self.refusals[call] -= 1
            raise StoreUnavailable("away for now")

    async def list_artifacts(self) -> AsyncIterator[Any]:
        """See ``ArtifactStore``."""
        self._refuse("list")
        async for page in super().list_artifacts():
            yield page

    async def read_manifest(self, tenant_id: str, run_id: UUID | str) -> bytes | None:
        """See ``ArtifactStore``."""
        self._refuse("read")
        return await super().read_manifest(tenant_id, run_id)

    async def delete_artifact(self, location: str) -> bool:
        """See ``ArtifactStore``."""
        self._refuse("delete")
        return await super().delete_artifact(location)


async def test_one_refusal_of_the_store_does_not_keep_the_rest_from_being_swept(tmp_path: Path) -> None:
    """A manifest that cannot be read now, and a file that cannot be deleted now, are there the next time."""
    store = Failing(tmp_path.as_uri())
    for _ in range(5):
        run_id = uuid4()
        await written(store, run_id, "late")
        await ended(store, failed(run_id))
    aged(tmp_path)
    store.refusals |= {"read": 1, "delete": 1}
    assert await Sweeper(store, after=DAY).sweep() == Swept(files=3, size=15, failed=2)
    assert await Sweeper(store, after=DAY).sweep() == Swept(files=2, size=10)


async def test_a_store_that_is_away_does_not_end_the_sweeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service goes on, and the next sweep finds what this one did not."""
    monkeypatch.setattr(sweeper, "FIRST_WAIT", timedelta())
    monkeypatch.setattr(sweeper, "EVERY", timedelta(milliseconds=1))
    store = Failing(tmp_path.as_uri())
    run_id = uuid4()
    late = await written(store, run_id, "late")
    await ended(store, failed(run_id))
    aged(tmp_path)
    store.refusals["list"] = 3
    sweeping = asyncio.create_task(Sweeper(store, after=DAY).run())
    await until(lambda: not (tmp_path / late.location).exists(), 10)
    assert store.refusals["list"] == 0
    sweeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweeping


def counted() -> tuple[float, float]:
    """Files and bytes, as the metrics say."""
    names = ("jobforge_artifacts_swept_total", "jobforge_artifact_bytes_swept_total")
    files, size = (REGISTRY.get_sample_value(name) or 0.0 for name in names)
    return files, size
