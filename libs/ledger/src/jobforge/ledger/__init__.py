"""The history checker and the dead-letter reader: what a plane's log says, held against what was promised."""
