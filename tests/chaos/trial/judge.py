"""The verdict on a trial."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from jobforge.contracts.runs import RUN_RECORDS, Outcome
from trial import log


@dataclass
class Verdict:
    jobs: int
    lost: int
    doubled: int
    regressions: int
    findings: list[str] = field(default_factory=list)


async def judge(bootstrap: str, history: Path, effects: Path) -> Verdict:
    accepted, digests, findings = {}, {}, []
    last: dict[str, str] = {}
    for line in history.read_text().splitlines():
        seen = json.loads(line)
        if seen.get("phase") == "ok":
            accepted[seen["run"]] = seen["tenant"]
        if seen["op"] != "read":
            continue
        if seen["status"] not in (0, 200, 503) or seen["foreign"]:
            findings.append(f"I2 {seen}")
        elif seen["status"] == 200 and seen["what"] == "job":
            before = last.get(seen["run"])
            if before in ("succeeded", "failed", "canceled") and seen["state"] != before:
                findings.append(f"I2 {before} became {seen}")
            last[seen["run"]] = seen["state"]
        elif seen.get("digest"):
            if digests.setdefault(seen["run"], seen["digest"]) != seen["digest"]:
                findings.append(f"I2 digest changed {seen}")
    snapshots: dict[str, set[str]] = {}
    for record in await log.read_all(bootstrap, ["jobforge.manifests"]):
        content = json.loads(record.value)
        snapshots.setdefault(content["run_id"], set()).add(content["digest"])
    lost = [run for run in accepted if run not in snapshots]
    doubled = [run for run in accepted if len(snapshots.get(run, ())) > 1]
    ended = Counter()
    for record in await log.read_all(bootstrap, ["jobforge.runs"]):
        message = RUN_RECORDS.validate_json(record.value)
        if isinstance(message, Outcome):
            ended[str(message.run_id)] += 1
    lines = [json.loads(line) for line in effects.read_text().splitlines()]
    keys = Counter(line["key"] for line in lines if line["status"] == "visible")
    doubled += [key for key, count in keys.items() if count > 1]
    findings += [f"I1 lost {run} ({ended[run]} ends)" for run in lost] + [f"doubled {key}" for key in doubled]
    return Verdict(len(accepted), len(lost), len(doubled), len([f for f in findings if f.startswith("I2")]), findings)
