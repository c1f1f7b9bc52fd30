"""Real files through real services: the demonstration and the examples, as a user runs them."""

import asyncio
import json
import os
import sys
from pathlib import Path

from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

ROOT = Path(__file__).parents[2]
DEMO_DATA = ROOT / "libs/cli/src/jobforge/cli/demo_data"
DOMAINS = ("ingestion", "manifest", "scheduler", "settler", "readylayer")


async def test_the_demo_takes_files_of_each_app_to_manifest_report_and_trace(running: Start, tmp_path: Path) -> None:
    """Exit code 0, every run succeeded, and everything it names is in the folder it names."""
    async with running(*DOMAINS, traces=True) as plane:
        await plane.services.start("aias")
        await until(lambda: offered(plane, "aias.knowledge.search"), timeout=60)
        out = await run(plane, "jobforge", "demo", "--output", str(tmp_path / "out"), "--json")
    played = {each["step"]: each for each in json.loads(out)}
    assert list(played) == ["settler", "readylayer", "aias-index", "aias-search"]
    for step, each in played.items():
        assert each["status"] == "succeeded"
        assert each["spans"] >= (5 if step == "aias-search" else 7), "a search follows no event"
        assert {"manifest.json", "report.html", "report.md", "trace.json"} <= set(each["files"])
        manifest = json.loads((tmp_path / "out" / step / "manifest.json").read_text())
        for artifact in manifest["artifacts"]:
            assert (tmp_path / "out" / step / "artifacts" / artifact["name"]).stat().st_size == artifact["size"]
    page = (tmp_path / "out/index.html").read_text()
    assert "note-runs-and-retries" in page


async def test_the_examples_do_on_a_real_plane_what_they_show(running: Start, tmp_path: Path) -> None:
    """The guide's Settler and ReadyLayer programs, unchanged."""
    contract, photograph = DEMO_DATA / "contract.pdf", DEMO_DATA / "photograph.png"
    async with running(*DOMAINS) as plane:
        report = await run(plane, sys.executable, str(ROOT / "examples/settler_contracts.py"), str(contract))
        saved = await run(
            plane, sys.executable, str(ROOT / "examples/readylayer_assets.py"), str(photograph), str(tmp_path / "out")
        )
    assert "Governing law" in report
    names = {Path(line).name for line in saved.split()}
    assert names == {path.name for path in (tmp_path / "out").iterdir()}
    assert {name.rpartition(".")[2] for name in names} == {"webp", "avif", "html"}


async def offered(plane: Running, template_key: str) -> bool:
    """Whether the door knows the template."""
    return template_key in {template.template_key for template in await plane.client.list_templates()}


async def run(plane: Running, program: str, *arguments: str) -> str:
    """A program's standard output; it must exit with 0."""
    environment = {
        **os.environ,
        "JOBFORGE_URL": plane.services["ingestion"].url,
        "JOBFORGE_QUERY_URL": plane.services["manifest"].url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    if plane.traces:
        environment["JOBFORGE_JAEGER_URL"] = plane.plane.jaeger_url
    process = await asyncio.create_subprocess_exec(
        program, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
