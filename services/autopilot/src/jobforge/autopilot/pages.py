"""Pages that stand alone, made of Jinja templates that lie beside the code."""

from functools import cache
from importlib.resources import files
from typing import Any


@cache
def page_template(package: str, name: str) -> Any:
    """A package's template; whatever is put into it stands there as text. Loads jinja2 with the first one."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    source = (files(package) / name).read_text("utf-8")
    environment = Environment(
        loader=DictLoader({name: source}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
