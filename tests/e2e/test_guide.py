"""The guide's sections as programs, each run by itself on a real plane with every domain service there is."""

import asyncio
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "examples/guide"
CONTRACT, INDEX, SEARCH = "settler.contract.process", "aias.knowledge.index", "aias.knowledge.search"
NOTIFY, OPTIMIZE = "settler.notification.send", "readylayer.asset.optimize"
USAGE, DRAFT = "keys.usage.aggregate", "autopilot.growth.content_draft"
SCAN, DIAGNOSE = "autopilot.ops.scan", "autopilot.ops.diagnose"


@dataclass(frozen=True)
class Section:
    """A program of the guide: the templates that it requests, and words that show that it did what it shows."""

    program: str
    templates: tuple[str, ...]
    says: tuple[str, ...]


SECTIONS = (
    Section("01_quick_start.py", (CONTRACT,), ("settler.contract.process", " on ")),
    Section("02_settler.py", (CONTRACT,), ("succeeded", "governing_law: ", "party: ", "clauses: ")),
    Section("03_aias.py", (INDEX, SEARCH), ("succeeded", "0012-retries-wait-in-topics: ")),
    Section("04_keys.py", (USAGE,), ("succeeded", "requests: 66", "key-3,")),
    Section("05_readylayer.py", (OPTIMIZE,), ("succeeded", ".webp: ", ".avif: ", "1920: ")),
    Section(
        "06_verification_pack.py",
        (SCAN, DIAGNOSE),
        ("Succeeded", "cache", "Inputs", "Environment", "Diagnosis: autopilot.ops.scan succeeded"),
    ),
    Section("07_content_draft.py", (DRAFT,), ("written by: ",)),
    Section(
        "08_error_handling.py",
        (CONTRACT,),
        ("accepted, trace trace_", "apps.yaml", "422", "/contract_id", "the job failed: object.not_found"),
    ),
    Section(
        "09_best_practices.py",
        (CONTRACT, NOTIFY),
        ("event, run", "JOBFORGE_EVENTS_ENABLED", "3. dry run", "[REDACTED]", "5. job", "settler:notify"),
    ),
    Section("10_utility_functions.py", (CONTRACT,), ("Event ingestion is available", "process is on", "Trace ID")),
)


def test_each_program_of_the_guide_is_run_by_the_test_below() -> None:
    """None is forgotten, and they are in the guide's order."""
    assert [section.program for section in SECTIONS] == sorted(path.name for path in GUIDE.glob("*.py"))


async def test_every_section_of_the_guide_does_on_a_real_plane_what_it_shows(running: Start, tmp_path: Path) -> None:
    """Each program ends with 0 and says what it did."""
    wrong: list[str] = []
    async with running("ingestion", "manifest", "scheduler") as plane:
        await start_domains(plane, tmp_path)
        announced = {template.template_key for template in await plane.client.list_templates()}
        assert {key for section in SECTIONS for key in section.templates} <= announced
        for section in SECTIONS:
            wrong += await what_is_wrong(plane, section)
    assert wrong == []


async def start_domains(plane: Running, folder: Path) -> None:
    """Start every domain service of the tree; ``production`` is the page of the query door's API."""
    registered = {path.parent.name: tomllib.loads(path.read_text()) for path in ROOT.glob("services/*/pyproject.toml")}
    domains = [name for name, found in registered.items() if found["tool"]["jobforge"]["kind"] == "domain"]
    page = f"{plane.services['manifest'].url}/docs"
    targets = folder / "targets.yaml"
    targets.write_text(f"- {{name: production, url: '{page}', allow_private: true}}\n")
    await plane.services.start(
        *domains,
        JOBFORGE_TARGETS_FILE=str(targets),
        JOBFORGE_URL=plane.services["ingestion"].url,
        JOBFORGE_QUERY_URL=plane.services["manifest"].url,
    )

    async def announced() -> bool:
        known = {template.template_key.partition(".")[0] for template in await plane.client.list_templates()}
        return known == set(domains)

    await until(announced, timeout=60)


async def what_is_wrong(plane: Running, section: Section) -> list[str]:
    """Run the program as a user does; what is not as it should be, with all that it said."""
    doors = {
        "JOBFORGE_URL": plane.services["ingestion"].url,
        "JOBFORGE_QUERY_URL": plane.services["manifest"].url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(GUIDE / section.program),
        env={**os.environ, **doors},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    lacks = [words for words in section.says if words not in said]
    if process.returncode == 0 and not lacks:
        return []
    return [f"{section.program} ended with {process.returncode} and does not say {lacks}:\n{said}"]
