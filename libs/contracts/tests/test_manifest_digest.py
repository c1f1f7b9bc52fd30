"""What a manifest's digest covers, and what it does not."""

from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.jobs import JobError
from jobforge.contracts.manifest import Artifact, RunManifest, TraceReference, manifest_digest

ARTIFACT = Artifact(name="a.json", media_type="application/json", size=2, sha256="0" * 64, location="artifacts/a/b")
MANIFEST = RunManifest(
    run_id=UUID(int=7),
    tenant_id="acme",
    status="complete",
    inputs={"url": "https://example.com/in"},
    outputs={"url": "https://example.com/out", "duplicates": 1, "digest": "x"},
    artifacts=(ARTIFACT,),
    trace=TraceReference(trace_id="t-1", otel_trace_id="0" * 32),
)


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 9))
def test_addresses_and_duplicates_are_outside_the_digest(artifact_url: str, trace_url: str, duplicates: int) -> None:
    """They are added on read, so the same log gives the same digest behind any public address."""
    shown = MANIFEST.model_copy(
        update={
            "artifacts": (ARTIFACT.model_copy(update={"url": artifact_url}),),
            "trace": MANIFEST.trace.model_copy(update={"url": trace_url}),
            "duplicates": duplicates,
        }
    )
    assert manifest_digest(shown) == manifest_digest(MANIFEST)


def test_a_url_inside_inputs_or_outputs_counts() -> None:
    """Only the manifest's own addresses are left out."""
    for changed in ({"inputs": {"url": "other"}}, {"outputs": {**(MANIFEST.outputs or {}), "url": "other"}}):
        assert manifest_digest(MANIFEST.model_copy(update=changed)) != manifest_digest(MANIFEST)
    for name in ("duplicates", "digest"):
        assert manifest_digest(MANIFEST.model_copy(update={"outputs": {name: "other"}})) != manifest_digest(MANIFEST)


def test_every_other_field_counts() -> None:
    """Status, tenant, artifacts' content and errors are all sealed."""
    changes: list[dict[str, Any]] = [
        {"tenant_id": "other"},
        {"status": "failed"},
        {"dry_run": True},
        {"artifacts": (ARTIFACT.model_copy(update={"sha256": "1" * 64}),)},
        {"error": JobError(code="a.b", message="m")},
        {"metrics": {"pages": 1}},
        {"tool_versions": {"pypdf": "1"}},
    ]
    digests = {manifest_digest(MANIFEST.model_copy(update=change)) for change in changes}
    assert len(digests | {manifest_digest(MANIFEST)}) == len(changes) + 1


def test_a_sealed_manifest_is_confirmed_after_its_way_through_json() -> None:
    """Whoever holds the JSON can compute the digest again."""
    sealed = MANIFEST.sealed()
    read = RunManifest.model_validate_json(sealed.to_bytes())
    assert read.digest == sealed.digest == manifest_digest(read)
    assert sealed.sealed() == sealed
