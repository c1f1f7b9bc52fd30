"""A service's settings become limits, and messages name the setting to change."""

import pytest
from pydantic_settings import SettingsConfigDict

from jobforge.documents.errors import DocumentTooLarge
from jobforge.documents.limits import ReadingLimits


class ClerkLimits(ReadingLimits):
    """Those of a service called Clerk."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_CLERK_")


def test_each_message_names_the_limit_and_the_setting_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is spelled in the environment."""
    for name in ("BYTES", "PAGES", "CHARACTERS"):
        monkeypatch.setenv(f"JOBFORGE_CLERK_MAX_{name}", "7")
    bounds = ClerkLimits().bounds()
    bounds.hold(size=7, pages=7, characters=7)
    with pytest.raises(DocumentTooLarge, match=r"8 bytes; at most 7 are read \(JOBFORGE_CLERK_MAX_BYTES\)"):
        bounds.hold(size=8)
    with pytest.raises(DocumentTooLarge, match=r"8 pages; at most 7 are read \(JOBFORGE_CLERK_MAX_PAGES\)"):
        bounds.hold(pages=8)
    with pytest.raises(DocumentTooLarge, match=r"more than 7 characters of text \(JOBFORGE_CLERK_MAX_CHARACTERS\)"):
        bounds.hold(characters=8)
