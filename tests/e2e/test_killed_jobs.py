"""What kill -9 in the middle of a job may cost, whatever its template: an attempt, never the run."""

import ast
import asyncio
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from jobforge.contracts.manifest import RunManifest
from jobforge.native.ports import LOOPBACK
from jobforge.testkit.running import Running, Start
from jobforge.testkit.sites import Reply, serving
from jobforge.testkit.terminal_records import terminal_records
from jobforge.testkit.waiting import until

TENANT = "acme"
SCHEMAS = Path(__file__).parents[2] / "schemas" / "templates"
PHOTOGRAPH = Path(__file__).parents[2] / "libs/cli/src/jobforge/cli/demo_data/photograph.png"
WORKERS = ("aias", "autopilot", "keys", "readylayer")

KILLED_HERE: dict[str, dict[str, Any]] = {
    "aias.knowledge.search": {"query": "green lever"},
    "autopilot.ops.diagnose": {},
    "autopilot.ops.scan": {"target": "production", "checks": ["headers"]},
    "keys.usage.aggregate": {"period": "2026-09-01", "granularity": "daily"},
    "readylayer.asset.optimize": {"asset_id": "photograph", "formats": ["webp"], "sizes": [64]},
}
"""Inputs of a job whose worker is killed below; the diagnosis is one of a run that the test makes."""
KILLED_ELSEWHERE = {
    "aias.knowledge.index": (
        "test_knowledge.py",
        "test_kill_9_in_the_middle_of_indexing_and_a_second_job_on_the_index_lose_and_double_nothing",
    ),
    "autopilot.growth.content_draft": (
        "test_drafts.py",
        "test_kill_9_of_a_draft_that_waits_for_its_search_leaves_one_search_and_one_draft",
    ),
    "readylayer.cache.purge": (
        "test_purges.py",
        "test_kill_9_between_the_caches_answer_and_our_record_purges_every_page_under_its_runs_key",
    ),
    "settler.contract.process": (
        "test_crashes.py",
        "test_kill_9_of_a_worker_in_the_middle_of_200_jobs_loses_none_and_shows_each_once",
    ),
    "settler.notification.send": (
        "test_notifications.py",
        "test_kill_9_between_the_far_sides_answer_and_our_record_shows_each_message_once_by_its_key",
    ),
}
"""Templates with effects, or with state of their own, have a test that knows what a crash could do to it."""


def test_every_template_has_a_test_that_kills_its_worker() -> None:
    """A new template joins one of the two tables above."""
    catalogue = {path.stem for path in SCHEMAS.glob("*.json")}
    covered = KILLED_HERE.keys() | KILLED_ELSEWHERE.keys()
    assert catalogue - covered == set(), "no test kills a worker in the middle of these templates' jobs: add them"
    assert covered - catalogue == set(), "these templates are gone: take them out of the tables"
    assert not KILLED_HERE.keys() & KILLED_ELSEWHERE.keys()


def test_the_tests_that_kill_elsewhere_are_there() -> None:
    """By name, and each asks for the template and kills a service."""
    for template_key, (file, name) in KILLED_ELSEWHERE.items():
        text = (Path(__file__).parent / file).read_text()
        found = [each for each in ast.parse(text).body if isinstance(each, ast.AsyncFunctionDef) and each.name == name]
        assert found, f"{file} has no {name}, which should kill a worker of {template_key}"
        assert ".kill()" in ast.unparse(found[0])
        assert template_key in text


async def test_kill_9_in_the_middle_of_a_job_of_each_template_ends_its_run_once_and_well(
    running: Start, tmp_path: Path
) -> None:
    """The first attempts stand before a store and a door that never answer; the second ones have the real ones."""
    with serving({"/": Reply(b"<html>A shop</html>")}) as site, silent_server() as silent:
        targets = tmp_path / "targets.yaml"
        targets.write_text(yaml.safe_dump([{"name": "production", "url": site.url(), "allow_private": True}]))
        async with running("ingestion", "manifest", "scheduler", "aias") as plane:
            view = plane.services["manifest"].url
            ended = await prepared(plane)
            plane.services["aias"].kill()
            for name in WORKERS:  # none gets ready without its store, and all take jobs
                plane.services.add(name, JOBFORGE_TARGETS_FILE=str(targets), **stuck(silent)).begin()
            await until(lambda: all_offered(plane), timeout=60)
            inputs = {**KILLED_HERE, "autopilot.ops.diagnose": {"run_id": ended}}
            runs = {key: await request(plane, key, given) for key, given in inputs.items()}
            await asyncio.gather(*(until(partial(began, plane, each), timeout=60) for each in runs.values()))
            for name in WORKERS:
                plane.services[name].kill()
            await plane.services.start(*WORKERS, JOBFORGE_TARGETS_FILE=str(targets), JOBFORGE_QUERY_URL=view)

            manifests = {key: await finished(plane, key, run_id) for key, run_id in runs.items()}
            lost = {key: [each.outcome for each in manifest.attempts] for key, manifest in manifests.items()}
            assert all(len(outcomes) == 2 for outcomes in lost.values()), lost
            assert written(manifests) == {
                "aias.knowledge.search": set(),
                "autopilot.ops.diagnose": {"diagnosis.html", "diagnosis.md"},
                "autopilot.ops.scan": {"report.html", "report.json"},
                "keys.usage.aggregate": {"usage.csv", "usage.parquet", "usage.svg"},
                "readylayer.asset.optimize": {"photograph-64.webp", "photograph-srcset.html"},
            }
            ends = await terminal_records(plane.plane.kafka_bootstrap)
            assert {key: ends[UUID(run_id)] for key, run_id in runs.items()} == dict.fromkeys(runs, 1)
            assert len(list(plane.artifacts.glob(f"scans/{TENANT}/*/*.json"))) == 1, "the trend holds a run once"


def written(manifests: Mapping[str, RunManifest]) -> dict[str, set[str]]:
    """Names of the artifacts, by template."""
    return {key: {each.name for each in manifest.artifacts} for key, manifest in manifests.items()}


def silent_server() -> socket.socket:
    """Takes connections, and never answers."""
    return socket.create_server((LOOPBACK, 0), backlog=100)


def stuck(silent: socket.socket) -> dict[str, str]:
    """Settings with which a job cannot go on."""
    address = f"http://{LOOPBACK}:{silent.getsockname()[1]}"
    return {
        "JOBFORGE_ARTIFACTS_URL": "s3://silent/plane",
        "JOBFORGE_QUERY_URL": address,
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "tester",
    }


async def prepared(plane: Running) -> str:
    """What the jobs read: an index, a picture, usage; returns a run that has ended."""
    await plane.client.put_object("asset", "photograph", PHOTOGRAPH, tenant_id=TENANT, content_type="image/png")
    await plane.client.put_object("document", "d-1", b"The green lever stands upright.", tenant_id=TENANT)
    await plane.client.submit_event(
        tenant_id=TENANT,
        event_type="keys.usage.recorded",
        trace_id="usage-1",
        source_app="keys",
        payload={"key_id": "key-1", "requests": 3, "bytes_transferred": 10},
        occurred_at=datetime(2026, 9, 1, 12, tzinfo=UTC),
    )
    run_id = await request(plane, "aias.knowledge.index", {"document_ids": ["d-1"], "index_type": "keyword"})
    await finished(plane, "aias.knowledge.index", run_id)
    return run_id


async def all_offered(plane: Running) -> bool:
    """Whether the door knows the templates."""
    return KILLED_HERE.keys() <= {each.template_key for each in await plane.client.list_templates()}


async def request(plane: Running, template_key: str, inputs: Mapping[str, Any]) -> str:
    """Ask for a job; its id."""
    accepted = await plane.client.request_job(tenant_id=TENANT, template_key=template_key, inputs=dict(inputs))
    return str(accepted.job.id)


async def began(plane: Running, run_id: str) -> bool:
    """Whether an attempt runs; it cannot have ended."""
    job = await plane.client.get_job(run_id, TENANT)
    assert job is None or job.status in ("queued", "running"), f"{job.template_key} did not get stuck: {job}"
    return job is not None and job.status == "running"


async def finished(plane: Running, template_key: str, run_id: str) -> RunManifest:
    """The manifest of a job that must succeed."""
    job = await plane.client.wait(run_id, TENANT, timeout=120)
    assert job.status == "succeeded", (template_key, job.error)
    manifest = await plane.client.get_run_manifest(run_id=run_id, tenant_id=TENANT)
    assert manifest is not None
    return manifest
