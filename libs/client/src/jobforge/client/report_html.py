"""Reports as one self-contained, printable HTML page."""

from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, Template

from jobforge.client.report_content import Report


def to_html(report: Report) -> str:
    """The report as an HTML document that loads nothing from anywhere."""
    return _template().render(report=report)


@cache
def _template() -> Template:
    folder = files("jobforge.client") / "templates"
    sources = {each.name: each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith((".j2", ".css"))}
    environment = Environment(
        loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2")
