"""Templates as JSON Schema files: what a key takes, gives and is allowed."""

import importlib
import pkgutil
from collections.abc import Iterator

from jobforge.contracts.base import JsonObject
from jobforge.execution.template import Template


def template_descriptors(domain: str) -> tuple[JsonObject, ...]:
    """The descriptors of every template of ``jobforge.<domain>.templates``, sorted by key."""
    return tuple(sorted((found.descriptor() for found in _scan(domain)), key=lambda each: str(each["template_key"])))


def _scan(domain: str) -> Iterator[Template]:
    name = f"jobforge.{domain}.templates"
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return
        raise
    for info in pkgutil.iter_modules(package.__path__, f"{name}."):
        for value in vars(importlib.import_module(info.name)).values():
            declared = getattr(value, "__jobforge_template__", None)
            if isinstance(declared, Template) and value.__module__ == info.name:
                yield declared
