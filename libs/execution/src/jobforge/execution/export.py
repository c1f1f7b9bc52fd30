"""Templates as JSON Schema files: what a key takes, gives and is allowed."""

import importlib.util

from jobforge.contracts.base import JsonObject
from jobforge.execution.discovery import find_templates


def template_descriptors(domain: str) -> tuple[JsonObject, ...]:
    """The descriptors of every template of ``jobforge.<domain>``, sorted by key; none without a templates folder."""
    package = f"jobforge.{domain}"
    if importlib.util.find_spec(f"{package}.templates") is None:
        return ()
    found = find_templates(package)
    return tuple(found[key].descriptor() for key in sorted(found))
