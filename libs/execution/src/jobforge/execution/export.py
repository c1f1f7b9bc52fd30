"""Which templates a domain has, for whatever describes them: schemas, reference pages."""

import importlib.util

from jobforge.execution.discovery import find_templates
from jobforge.execution.template import Template


def templates_of(domain: str) -> tuple[Template, ...]:
    """Every template of ``jobforge.<domain>``, sorted by key; none without a templates folder."""
    package = f"jobforge.{domain}"
    if importlib.util.find_spec(f"{package}.templates") is None:
        return ()
    found = find_templates(package)
    return tuple(found[key] for key in sorted(found))
