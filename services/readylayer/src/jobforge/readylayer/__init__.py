"""Asset optimisation."""
