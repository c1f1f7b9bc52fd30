"""Every row of the table."""

from faults import (
    bad_records,
    brokers,
    clocks,
    clusters,
    crashes,
    floods,
    mixed,
    poison,
    replays,
    rollouts,
    storms,
    views,
    zombies,
)
from trial.fault import Fault

ROWS: tuple[Fault, ...] = (
    *crashes.ROWS,
    *mixed.ROWS,
    *zombies.ROWS,
    *brokers.ROWS,
    *views.ROWS,
    *replays.ROWS,
    *bad_records.ROWS,
    *poison.ROWS,
    *floods.ROWS,
    *rollouts.ROWS,
    *clocks.ROWS,
    *storms.ROWS,
    *clusters.ROWS,
)


def chosen(names: str) -> tuple[Fault, ...]:
    """The rows of these comma-separated names, or all of them. Raises ``ValueError`` for a name that is no row's."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    by_name = {fault.name: fault for fault in ROWS}
    if unknown := set(wanted) - set(by_name):
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    return tuple(by_name[name] for name in wanted) if wanted else ROWS
