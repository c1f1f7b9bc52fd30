"""The stand-in for a job keeps a real job's promises."""

import pytest

from jobforge.execution.errors import EffectInDryRun, ObjectMissing
from jobforge.execution.job import Job
from jobforge.testkit.recording_job import RecordingJob


async def test_a_template_sees_a_job_and_its_test_sees_what_was_done() -> None:
    """Whatever takes a ``Job`` takes this one."""
    recording = RecordingJob(objects={("contract", "c-1"): b"text"})
    job: Job = recording
    assert (await job.read_object("contract", "c-1")).data == b"text"
    await job.write_artifact("a.txt", "é", "text/plain")
    await job.progress(0.5, "half")
    job.measure("pages", 3)
    job.used_tool("pypdf", "6")
    assert await job.in_process(abs, -2) == await job.in_thread(abs, 2) == 2
    assert recording.artifacts == {"a.txt": ("é".encode(), "text/plain")}
    assert (recording.reported, recording.metrics) == ([(0.5, "half")], {"pages": 3})
    assert recording.tool_versions == {"pypdf": "6"}


async def test_effects_are_kept_and_made_unless_it_is_a_dry_run() -> None:
    """A template's test sees both what it would do and that it does not."""

    async def act(key: str) -> str:
        return key

    for dry_run, answer in ((False, "00000000-0000-8000-8000-000000000001:mail"), (True, None)):
        job = RecordingJob(dry_run=dry_run)
        assert await job.effect("mail", act, to="ada") == answer
        assert job.effects == {"mail": {"to": "ada"}}
    with pytest.raises(EffectInDryRun):
        job.effect_key("mail")


async def test_what_a_plane_would_refuse_is_refused() -> None:
    """A missing object, a second artifact of one name, and a function that does not pickle."""
    job = RecordingJob()
    with pytest.raises(ObjectMissing):
        await job.read_object("contract", "c-1")
    await job.write_artifact("a.txt", b"", "text/plain")
    with pytest.raises(AssertionError, match="written twice"):
        await job.write_artifact("a.txt", b"", "text/plain")
    with pytest.raises(Exception, match="pickle"):
        await job.in_process(lambda: 1)
