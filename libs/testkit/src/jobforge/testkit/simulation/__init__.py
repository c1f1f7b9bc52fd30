"""A plane in a few hundred lines, deterministic from its seed, with every fault and some deliberate defects."""
