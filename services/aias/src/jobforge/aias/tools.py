"""What AIAS's templates are given: a way to change indexes, and a way to search them."""

from collections.abc import Iterable

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.aias.embedders import Embedder, EmbeddingSettings
from jobforge.aias.indexing import Indexing
from jobforge.aias.reading.bounds import MIB, Bounds
from jobforge.aias.searching import Searching
from jobforge.aias.storing.shelf import Shelf
from jobforge.chassis.settings import Settings


class KnowledgeLimits(BaseSettings):
    """How large documents and indexes may be; ``JOBFORGE_AIAS_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_AIAS_", frozen=True, extra="ignore")

    max_bytes: int = Field(default=32 * MIB, gt=0, description="Size of a file.")
    max_unpacked_bytes: int = Field(default=128 * MIB, gt=0, description="Size of a DOCX's parts together.")
    max_pages: int = Field(default=2_000, gt=0)
    max_characters: int = Field(default=4_000_000, gt=0, description="Length of a document's text.")
    max_memory: int = Field(default=768 * MIB, gt=0, description="Bytes that reading may take in the child process.")
    max_processor_time: int = Field(default=45, gt=0, description="Seconds of processor time for one document.")
    max_chunks: int = Field(default=50_000, gt=0, description="Chunks of one index.")
    cache_bytes: int = Field(default=256 * MIB, gt=0, description="Indexes kept in memory for searches, together.")

    def bounds(self) -> Bounds:
        """Those of a document, as a plain value that the child process takes."""
        return Bounds(
            file_size=self.max_bytes,
            pages=self.max_pages,
            characters=self.max_characters,
            unpacked_size=self.max_unpacked_bytes,
            memory=self.max_memory,
            processor_time=self.max_processor_time,
        )


def aias_tools(settings: Settings) -> Iterable[object]:
    """What the templates may ask for; nothing is opened before it is used."""
    limits, shelf, embedder = KnowledgeLimits(), Shelf(settings.artifacts_url), Embedder(EmbeddingSettings())
    return [
        Indexing(shelf, embedder, limits.bounds(), most_chunks=limits.max_chunks),
        Searching(shelf, embedder, budget=limits.cache_bytes),
    ]
