"""Where usage files stand: a file appears at once and whole, and storing it again replaces it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from jobforge.chassis.artifact_stores import open_store, put_many
from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.keys.usage_files import ROOT, UsageFile, day_folder, parsed

if TYPE_CHECKING:
    from obstore import ObjectMeta


class FileGone(Exception):
    """The file was replaced by a larger one meanwhile: list again."""


class UsageStore:
    """Usage files on ``file:///directory`` or ``s3://bucket[/prefix]``; raises ``StoreUnavailable``."""

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _store(self) -> ObjectStore:
        return open_store(self.url)

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Store files by path; when it fails, some may be stored."""
        try:
            await put_many(self._store, files)
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error

    async def hours(self, days: Sequence[date]) -> list[str]:
        """The folders of every tenant's hours of these days (in UTC)."""
        found: list[str] = []
        try:
            for tenant in (await obstore.list_with_delimiter_async(self._store, ROOT))["common_prefixes"]:
                for day in days:
                    folder = day_folder(tenant.rpartition("/")[2], day)
                    found += (await obstore.list_with_delimiter_async(self._store, folder))["common_prefixes"]
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return found

    async def hour(self, folder: str) -> list[UsageFile]:
        """The files of a tenant's hour."""
        try:
            found = await obstore.list_with_delimiter_async(self._store, folder)
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return _files(found["objects"])

    async def read(self, file: UsageFile) -> bytes:
        """A file's bytes; raises ``FileGone``."""
        try:
            return bytes(await (await obstore.get_async(self._store, file.path)).bytes_async())
        except FileNotFoundError as error:
            raise FileGone(file.path) from error
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error

    async def delete(self, files: Iterable[UsageFile]) -> None:
        """Delete files; one that is not there any more is no error."""
        for file in files:
            try:
                await obstore.delete_async(self._store, file.path)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise StoreUnavailable.because(error) from error

    def day_now(self, tenant_id: str, day: date) -> list[UsageFile]:
        """The files of a tenant's day; it blocks."""
        try:
            pages = list(obstore.list(self._store, day_folder(tenant_id, day)))
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error
        return [file for page in pages for file in _files(page)]

    def read_now(self, file: UsageFile) -> bytes:
        """A file's bytes; it blocks. Raises ``FileGone``."""
        try:
            return bytes(obstore.get(self._store, file.path).bytes())
        except FileNotFoundError as error:
            raise FileGone(file.path) from error
        except (BaseError, OSError) as error:
            raise StoreUnavailable.because(error) from error


def _files(objects: "Iterable[ObjectMeta]") -> list[UsageFile]:
    found = (parsed(each["path"], each["size"], each["last_modified"]) for each in objects)
    return [file for file in found if file is not None]
