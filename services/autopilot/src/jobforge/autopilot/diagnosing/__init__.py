"""How a run is explained: what happened, why, and what to do next, by rules."""
