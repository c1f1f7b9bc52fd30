"""Ids become paths only when they are ids."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.chassis.artifact_paths import artifact_path, blob_path, manifest_path, object_path, parse_location
from jobforge.chassis.artifacts import ArtifactStore

ABSURD = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "a\0b",
    "a\n",
    "/etc/passwd",
    "a" * 129,
    "-a",
    ".hidden",
    "%2e%2e",
    "a b",
    "a#1",
    "ｄot",
    "é",
]


@pytest.mark.parametrize("absurd", ABSURD)
def test_an_absurd_id_never_becomes_a_path(absurd: str) -> None:
    """Separators, dots, control characters and over-long ids are refused in every place an id can stand."""
    places: list[Callable[[], str]] = [
        lambda: object_path(absurd, "contract", "c-1"),
        lambda: object_path("acme", absurd, "c-1"),
        lambda: object_path("acme", "contract", absurd),
        lambda: artifact_path(absurd, "run", 1, "claim", "a.txt"),
        lambda: artifact_path("acme", absurd, 1, "claim", "a.txt"),
        lambda: artifact_path("acme", "run", 1, absurd, "a.txt"),
        lambda: manifest_path(absurd, "run"),
        lambda: manifest_path("acme", absurd),
        lambda: blob_path("objects/acme/contract/c-1/current.json", absurd),
    ]
    for place in places:
        with pytest.raises(ValueError, match="not an id"):
            place()


@pytest.mark.parametrize("absurd", ["", "..", "a/b", "../../x", "a\n", "a" * 201, "résumé.pdf"])
def test_an_absurd_artifact_name_is_refused(absurd: str) -> None:
    """A template cannot write outside its run's folder."""
    with pytest.raises(ValueError, match="not a name"):
        artifact_path("acme", "run", 1, "claim", absurd)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "artifacts",
        "artifacts/a/b/c",
        "artifacts/a/b/c/d/e",
        "artifacts/a/../c/d",
        "artifacts/a/b//d",
        "/artifacts/a/b/c/d",
        "manifests/acme/run.json",
        "objects/acme/contract/c-1/current.json",
        "artifacts/a/b/c/d\n",
    ],
)
def test_a_location_that_was_never_written_is_refused(location: str) -> None:
    """Only what ``artifact_path`` makes can be read by location: not manifests, not uploads."""
    with pytest.raises(ValueError, match="not an artifact's location"):
        parse_location(location)


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_passes_stays_inside_its_tenant(tenant: str, run: str, claim: str, name: str) -> None:
    """Any four strings give an error, or a path of five plain segments."""
    try:
        path = artifact_path(tenant, run, 1, claim, name)
    except ValueError:
        return
    assert re.fullmatch(r"artifacts(/[A-Za-z0-9][A-Za-z0-9_.-]*){4}", path)
    assert parse_location(path) == path


def test_the_longest_variant_of_the_longest_asset_has_a_name() -> None:
    """An asset id of 128 characters still leaves room for what a template appends."""
    assert artifact_path("acme", "run", 1, "claim", "a" * 128 + "-1920.webp").endswith(".webp")


@pytest.mark.parametrize(
    "url", ["", "relative/path", "file://host/dir", "file:relative", "s3://", "gs://bucket", "http://x/y"]
)
def test_an_address_that_names_no_store_is_refused_with_the_variable_to_change(url: str) -> None:
    """The error names JOBFORGE_ARTIFACTS_URL and the forms it takes."""
    with pytest.raises(ValueError, match="JOBFORGE_ARTIFACTS_URL"):
        ArtifactStore(url)
