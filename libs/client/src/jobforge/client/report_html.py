"""Reports as one self-contained, printable HTML page."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import DictLoader, Environment, StrictUndefined, Template

from jobforge.client.report_content import Report


def to_html(report: Report) -> str:
    """The report as an HTML document that loads nothing from anywhere."""
    return _template().render(report=report)


@cache
def _template() -> Template:
    return environment().get_template("report.html.j2")


def environment(*more: Traversable) -> Environment:
    """What pages are made with: the report's style and layout, and the templates of further folders."""
    folders = (files("jobforge.client") / "templates", *more)
    pages = [each for folder in folders for each in folder.iterdir() if each.name.endswith((".j2", ".css"))]
    return Environment(
        loader=DictLoader({each.name: each.read_text("utf-8") for each in pages}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
