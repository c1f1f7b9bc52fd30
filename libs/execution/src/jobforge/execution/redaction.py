"""Which inputs a manifest must not show: fields that a template's model marks as sensitive."""

from functools import cache
from typing import Any

from pydantic import BaseModel, Field

from jobforge.contracts.base import JsonObject
from jobforge.contracts.snapshot import REDACTED, without

__all__ = ["REDACTED", "redacted", "sensitive"]


def sensitive(**field: Any) -> Any:
    """A field of ``Inputs`` that manifests and reports show as ``[REDACTED]``; the template sees its value."""
    return Field(json_schema_extra={"sensitive": True}, **field)


def redacted(model: type[BaseModel], inputs: JsonObject) -> JsonObject:
    """The inputs with every sensitive top-level field replaced."""
    return without(inputs, _hidden(model))


@cache
def _hidden(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        field.alias or name
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("sensitive")
    )
