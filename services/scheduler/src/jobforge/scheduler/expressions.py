"""JMESPath, the language of conditions and inputs."""

from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from jobforge.contracts.base import JsonObject
from jobforge.contracts.triggers import Unmapped


@lru_cache(maxsize=1024)
def compiled(expression: str) -> ParsedResult:
    """An expression, ready to search; raises ``ValueError`` that says what is wrong with it."""
    try:
        return jmespath.compile(expression)
    except JMESPathError as error:
        said = " ".join(str(error).split())
        raise ValueError(f"{expression!r} is no JMESPath expression ({said}): see https://jmespath.org") from None


def search(expression: str, source: JsonObject) -> Any:
    """See ``triggers.Search``."""
    try:
        return compiled(expression).search(source)
    except Exception as error:  # whatever a declared expression meets in an app's data is no fault of its reader
        raise Unmapped(f"{expression}: {' '.join(str(error).split())}") from None
