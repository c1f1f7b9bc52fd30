"""The settings of a service that reads documents."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.documents.bounds import Bounds

_DEFAULT = Bounds()


class ReadingLimits(BaseSettings):
    """How large a document may be and how much reading it may take; a service's subclass sets ``env_prefix``."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    max_bytes: int = Field(default=_DEFAULT.file_size, gt=0, description="Size of a file.")
    max_unpacked_bytes: int = Field(
        default=_DEFAULT.unpacked_size, gt=0, description="Size of a DOCX's parts together."
    )
    max_pages: int = Field(default=_DEFAULT.pages, gt=0)
    max_characters: int = Field(default=_DEFAULT.characters, gt=0, description="Length of a document's text.")
    max_memory: int = Field(
        default=_DEFAULT.memory, gt=0, description="Bytes that reading may take in the child process."
    )
    max_processor_time: int = Field(
        default=_DEFAULT.processor_time, gt=0, description="Seconds of processor time for one document."
    )

    def bounds(self) -> Bounds:
        """The same as a plain value that the child process takes."""
        return Bounds(
            file_size=self.max_bytes,
            pages=self.max_pages,
            characters=self.max_characters,
            unpacked_size=self.max_unpacked_bytes,
            memory=self.max_memory,
            processor_time=self.max_processor_time,
            prefix=self.model_config.get("env_prefix", ""),
        )
