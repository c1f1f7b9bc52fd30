"""What every route of the door works with."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.contracts.identity import otel_trace_id
from jobforge.contracts.manifest import RunManifest
from jobforge.manifest.problems import Refused
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import Reads, Row
from jobforge.manifest.showing import pending_manifest

FLAG = "JOBFORGE_MANIFESTS_ENABLED"


@dataclass(frozen=True, slots=True)
class Door:
    """Reads and their surroundings; ``flag`` says whether a feature is on right now."""

    reads: Reads
    changes: Changes
    artifacts: ArtifactStore
    flag: Callable[[str], bool]
    jaeger_url: str

    def check_manifests_enabled(self) -> None:
        """Raise ``Refused`` while manifests are hidden; the fold goes on all the same."""
        if not self.flag(FLAG):
            raise Refused(403, "feature.disabled", f"Manifests are disabled ({FLAG})")

    def trace_url(self, trace_id: str) -> str:
        """Where Jaeger shows this trace."""
        return f"{self.jaeger_url.rstrip('/')}/trace/{otel_trace_id(trace_id):032x}"

    def manifest_of(self, row: Row) -> RunManifest:
        """The manifest of a row that was read with it."""
        return pending_manifest(row.job) if row.manifest is None else RunManifest.model_validate_json(row.manifest)

    def addressed(self, manifest: RunManifest, base_url: str, duplicates: int) -> RunManifest:
        """The manifest with its addresses and what came after its end, none of which its digest covers."""
        at = f"{base_url.rstrip('/')}/v1/runs/{manifest.run_id}/artifacts"
        tenant = urlencode({"tenant_id": manifest.tenant_id})
        artifacts = tuple(
            artifact.model_copy(update={"url": f"{at}/{quote(artifact.name)}?{tenant}"})
            for artifact in manifest.artifacts
        )
        trace = manifest.trace
        if trace.trace_id is not None:
            found = {"otel_trace_id": f"{otel_trace_id(trace.trace_id):032x}", "url": self.trace_url(trace.trace_id)}
            trace = trace.model_copy(update=found)
        return manifest.model_copy(update={"artifacts": artifacts, "trace": trace, "duplicates": duplicates})
