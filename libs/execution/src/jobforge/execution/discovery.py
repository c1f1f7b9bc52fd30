"""How a service finds its templates and their tools: by scanning its package, and by type."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobforge.execution.template import Template, TemplateError


@dataclass(frozen=True, slots=True)
class BoundTemplate:
    """A template with the tools it asked for."""

    template: Template
    tools: Mapping[str, Any]


def find_templates(package: str) -> dict[str, Template]:
    """The templates in ``<package>.templates``, by key.

    Raises ``TemplateError`` for a module without a template, a key that does not spell its file's path
    (``settler.contract.process`` is ``settler/templates/contract_process.py``), or a key used twice.
    """
    found: dict[str, Template] = {}
    templates = importlib.import_module(f"{package}.templates")
    domain = package.rpartition(".")[2]
    for module in pkgutil.iter_modules(templates.__path__):
        declared = _declared_in(importlib.import_module(f"{templates.__name__}.{module.name}"))
        if not declared:
            raise TemplateError(f"{templates.__name__}.{module.name} declares no template")
        for template in declared:
            spelled = f"{domain}.{module.name.replace('_', '.', 1)}"
            if template.key != spelled:
                raise TemplateError(f"{template.key} stands in {module.name}.py: its key must be {spelled}")
            found[template.key] = template
    return found


def bind_tools(templates: Iterable[Template], tools: Iterable[object]) -> dict[str, BoundTemplate]:
    """Give every template the tools it names, found by type; raises ``TemplateError`` for one that is not there."""
    by_type = {type(tool): tool for tool in tools}
    bound = {}
    for template in templates:
        given = {}
        for name, kind in template.tools:
            tool = by_type.get(kind) or next((t for t in by_type.values() if isinstance(t, kind)), None)
            if tool is None:
                raise TemplateError(
                    f"{template.key} asks for the tool {name}: {kind.__name__}, which this service does not make"
                )
            given[name] = tool
        bound[template.key] = BoundTemplate(template, given)
    return bound


def _declared_in(module: Any) -> list[Template]:
    return [
        value.__jobforge_template__
        for value in vars(module).values()
        if hasattr(value, "__jobforge_template__") and value.__module__ == module.__name__
    ]
