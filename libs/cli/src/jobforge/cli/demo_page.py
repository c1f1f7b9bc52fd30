"""The page that shows and links everything the demonstration left."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from jobforge.cli.demo_folder import ARTIFACTS, Played, files_of
from jobforge.cli.demo_story import Step
from jobforge.client.report_html import environment
from jobforge.client.report_layout import Fields, Node, duration, lay_out
from jobforge.contracts.manifest import Artifact

INDEX = "index.html"
_LINKS = (
    ("report.html", "report"),
    ("report.md", "as Markdown"),
    ("manifest.json", "manifest"),
    ("trace.json", "trace"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A step as the page shows it; addresses are relative to the page."""

    title: str
    app: str
    template_key: str
    status: str
    took: str
    error: str | None
    results: tuple[tuple[str, Node], ...]
    pictures: tuple[tuple[str, str], ...]
    pages: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    trace_url: str | None


def write_index(folder: Path, played: Sequence[Played], left_out: Sequence[Step]) -> Path:
    """Write the page into the demonstration's folder; its path."""
    template = environment(files("jobforge.cli") / "templates").get_template("demo.html.j2")
    page = folder / INDEX
    page.write_text(template.render(sections=[_section(each) for each in played], left_out=left_out), "utf-8")
    return page


def _section(played: Played) -> Section:
    step, manifest = played.step, played.manifest
    outputs = {name: (manifest.outputs or {}).get(name) for name in step.shows}
    laid_out = lay_out({name: value for name, value in outputs.items() if value not in (None, "", [], {})})
    error = manifest.error
    there = files_of(played.folder)
    return Section(
        title=step.title,
        app=step.app,
        template_key=step.template_key,
        status=played.job.status,
        took=duration(manifest.timings.ran_for),
        error=f"{error.code}: {error.message}" if error else None,
        results=laid_out.fields if isinstance(laid_out, Fields) else (),
        pictures=_artifacts(played, "image/"),
        pages=tuple(each for each in _artifacts(played, "text/html") if _is_page(played, each[1])),
        links=(
            *((f"{step.name}/{name}", words) for name, words in _LINKS if name in there),
            *((_address(step, each), each.name) for each in manifest.artifacts),
        ),
        trace_url=manifest.trace.url,
    )


def _artifacts(played: Played, media_type: str) -> tuple[tuple[str, str], ...]:
    found = [each for each in played.manifest.artifacts if each.media_type.startswith(media_type)]
    return tuple((_address(played.step, each), each.name) for each in found)


def _is_page(played: Played, name: str) -> bool:
    """A whole page, not a piece to paste into one."""
    return (played.folder / ARTIFACTS / name).read_bytes()[:15].lower().startswith(b"<!doctype html")


def _address(step: Step, artifact: Artifact) -> str:
    return f"{step.name}/{ARTIFACTS}/{quote(artifact.name)}"
