"""Best practices: one trace, flags asked first, dry runs, redaction, patient polling, narrow tokens.

python examples/guide/09_best_practices.py
"""

import os
import time
from typing import Any

from jobforge.client import JobForgeClient, generate_trace_id, get_feature_flag_summary, is_template_enabled

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")


def one_trace(jobforge: JobForgeClient) -> None:
    """1. Always use trace_id: pass it through the whole chain, and everything that shares it is found with it."""
    trace_id = generate_trace_id()
    jobforge.put_object("contract", "note", b"This agreement is governed by the laws of Arizona.", tenant_id=TENANT)
    jobforge.submit_event(
        tenant_id=TENANT,
        event_type="settler.contract.uploaded",
        trace_id=trace_id,
        source_app="settler",
        subject={"type": "contract", "id": "note"},
        payload={"contract_id": "note"},
    )
    result = jobforge.request_job(
        tenant_id=TENANT,
        template_key="settler.contract.process",
        inputs={"contract_id": "note"},
        trace_id=trace_id,
    )
    jobforge.wait(result.job.id, TENANT)
    story = jobforge.get_trace(trace_id, TENANT)
    print(f"1. trace {trace_id}: {', '.join(entry.kind for entry in story.entries)}")


def flags_first() -> bool:
    """2. Check feature flags before relying on a feature."""
    flags = get_feature_flag_summary()
    print(f"2. on: {', '.join(name for name, on in flags.items() if on)}")
    return flags["JOBFORGE_EVENTS_ENABLED"] and is_template_enabled("settler.contract.process")


def dry_run(jobforge: JobForgeClient) -> None:
    """3. Handle dry_run: the job does nothing to the world, and says what it would do."""
    result = jobforge.request_job(
        tenant_id=TENANT,
        template_key="settler.notification.send",
        inputs={
            "channel": "webhook",
            "recipient": "https://example.com/hook",
            "subject": "Contract read",
            "body": "It is due in May.",
        },
        dry_run=True,
    )
    job = jobforge.wait(result.job.id, TENANT)
    manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=TENANT)
    if manifest and manifest.outputs:
        print(f"3. dry run {job.status}: would do {manifest.outputs.get('planned_effects')}")
    elif job.error:
        print(f"3. dry run {job.status}: {job.error.code}: {job.error.message}")


def redaction(jobforge: JobForgeClient) -> None:
    """4. Redact PII: say that it is there, and where; it is replaced before anything is published."""
    trace_id = generate_trace_id()
    receipt = jobforge.submit_event(
        tenant_id=TENANT,
        event_type="settler.contract.signed",
        trace_id=trace_id,
        source_app="settler",
        payload={"contract_id": "note", "signer": {"email": "someone@example.com", "country": "NO"}},
        contains_pii=True,
        redaction_hints=["signer.email"],
    )
    for pause in pauses():
        found = list(jobforge.list_events(tenant_id=TENANT, trace_id=trace_id))
        if found:
            print(f"4. event {receipt.event_id} is kept as {found[0].payload}")
            return
        time.sleep(pause)


def patient_polling(jobforge: JobForgeClient) -> Any:
    """5. Poll responsibly: with growing pauses. ``wait`` and ``watch`` do better: the plane answers on a change."""
    result = jobforge.request_job(
        tenant_id=TENANT, template_key="settler.contract.process", inputs={"contract_id": "note"}
    )
    for asked, pause in enumerate(pauses(), 1):
        job = jobforge.get_job(result.job.id, TENANT)
        if job is not None and job.is_terminal:
            print(f"5. job {job.id} {job.status}, asked {asked} times")
            return job
        time.sleep(pause)
    raise TimeoutError(f"job {result.job.id} has not ended")


def narrow_scopes(jobforge: JobForgeClient) -> None:
    """6. Scope policy tokens: a template says which scopes its ``policy_token`` needs; grant these and no more."""
    for template in jobforge.list_templates():
        if template.effects == "keyed":
            print(f"6. {template.template_key} acts on the world and needs {', '.join(template.scopes)}")


def pauses(first: float = 0.1, longest: float = 5.0, patience: float = 120.0) -> Any:
    """Seconds to wait between questions: each twice the one before."""
    while patience > 0:
        yield first
        patience -= first
        first = min(2 * first, longest)


def main() -> None:
    """Shows each practice, in the guide's order."""
    with JobForgeClient() as jobforge:
        one_trace(jobforge)
        if not flags_first():
            return
        dry_run(jobforge)
        redaction(jobforge)
        patient_polling(jobforge)
        narrow_scopes(jobforge)


if __name__ == "__main__":
    main()
