"""Utility functions: trace ids, and what the plane offers right now.

python examples/guide/10_utility_functions.py
"""

from jobforge.client import (
    generate_trace_id,
    get_feature_flag_summary,
    is_event_ingestion_available,
    is_template_enabled,
)


def main() -> None:
    """Asks each."""
    # Generate trace ID: trace_<milliseconds>_<9 of a-z0-9>
    print(f"Trace ID: {generate_trace_id()}")

    # Check feature availability
    if is_event_ingestion_available():
        print("Event ingestion is available")
    else:
        print("Event ingestion is disabled")
    print(f"settler.contract.process is {'on' if is_template_enabled('settler.contract.process') else 'off'}")

    # Get all feature flags
    print("Feature flags:")
    for name, on in get_feature_flag_summary().items():
        print(f"  {name}: {on}")


if __name__ == "__main__":
    main()
