"""What AIAS's templates are given: a way to change indexes, and a way to search them."""

from collections.abc import Iterable

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobforge.aias.embedders import Embedder, EmbeddingSettings
from jobforge.aias.indexing import Indexing
from jobforge.aias.searching import Searching
from jobforge.aias.storing.shelf import Shelf
from jobforge.chassis.settings import Settings
from jobforge.documents.bounds import MIB
from jobforge.documents.limits import ReadingLimits


class KnowledgeLimits(ReadingLimits):
    """How large documents and indexes may be; ``JOBFORGE_AIAS_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_AIAS_")

    max_pages: int = Field(default=2_000, gt=0)
    max_chunks: int = Field(default=50_000, gt=0, description="Chunks of one index.")
    cache_bytes: int = Field(default=256 * MIB, gt=0, description="Indexes kept in memory for searches, together.")


def aias_tools(settings: Settings) -> Iterable[object]:
    """What the templates may ask for; nothing is opened before it is used."""
    limits, shelf, embedder = KnowledgeLimits(), Shelf(settings.artifacts_url), Embedder(EmbeddingSettings())
    return [
        Indexing(shelf, embedder, limits.bounds(), most_chunks=limits.max_chunks),
        Searching(shelf, embedder, budget=limits.cache_bytes),
    ]
