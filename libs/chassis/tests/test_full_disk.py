"""What the artifact store does when there is no room left, on a file system that really has none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from obstore.exceptions import GenericError

from jobforge.chassis.artifacts import StoreUnavailable

WRITES = """
import asyncio, sys
from pathlib import Path
from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable

root = Path(sys.argv[1]) / "store"
store = ArtifactStore(root.as_uri())
big = b"x" * 2_000_000

async def chunks():
    for at in range(0, len(big), 65536):
        yield big[at : at + 65536]

async def main():
    await store.write_manifest("acme", "kept", b"{}")
    for write in (
        store.write_artifact("acme", "run", 1, "claim", "a.bin", big, "application/octet-stream"),
        store.write_manifest("acme", "run", big),
        store.write_manifest("acme", "kept", big),
        store.put_object("acme", "contract", "c", chunks(), content_type="text/plain", limit=10**9),
    ):
        try:
            await write
        except StoreUnavailable as error:
            print("refused:", error)
        else:
            print("written")
    print("kept:", await store.read_manifest("acme", "kept"))
    print("object:", await store.read_object("acme", "contract", "c"))
    print("files:", sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()))

{before}
asyncio.run(main())
"""
TINY = ["sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"', "tiny"]
LIMITED = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " + (
    "resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))"
)


def namespace(folder: Path) -> list[str] | None:
    """A command that runs another one with a full-up disk of 1 MiB at ``folder``, where this machine lets us mount."""
    for unshare in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        command = [*unshare, *TINY, str(folder)]
        if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return None


def test_a_full_disk_refuses_with_the_reason_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """An artifact, a manifest, one that replaces another, an upload: refused in one line, what was there stays.

    Where nothing may be mounted, a limit on the size of files takes the disk's place: writes fail half-way likewise.
    """
    within = namespace(tmp_path)
    program = WRITES.replace("{before}", "" if within else LIMITED)
    ran = subprocess.run(
        [*(within or []), sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    *refused, kept, found, files = ran.stdout.splitlines()
    assert len(refused) == 4
    assert all(line.startswith("refused: ") for line in refused)
    if within:
        assert all("disk of the artifact store is full" in line for line in refused)
    assert kept == "kept: b'{}'"
    assert found == "object: None"
    assert files == "files: ['manifests/acme/kept.json']"


@pytest.mark.parametrize(
    "told",
    [
        "Generic LocalFileSystem error: Unable to copy data to file: No space left on device (os error 28)",
        "Generic S3 error: Server returned error: <Error><Code>QuotaExceeded</Code></Error>",
    ],
)
def test_a_store_without_room_is_told_from_one_that_is_away(told: str) -> None:
    """Whoever reads a run's error learns that waiting alone will not help."""
    assert "full" in str(StoreUnavailable.because(GenericError(told)))
    away = StoreUnavailable.because(
        GenericError("Generic S3 error: connection refused\n\nDebug source:\nGeneric { .. }")
    )
    assert str(away) == "Generic S3 error: connection refused"
