"""SVG drawings: what in them may stay, how they are written anew, and how large they may grow."""
