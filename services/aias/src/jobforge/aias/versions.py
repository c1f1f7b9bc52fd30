"""The versions of the libraries whose choice shows in results."""

from functools import cache
from importlib.metadata import version


@cache
def library_versions() -> dict[str, str]:
    """By name, as a manifest lists them."""
    return {name: version(name) for name in ("numpy", "pypdf", "pystemmer", "python-docx", "tokenizers", "wordllama")}
