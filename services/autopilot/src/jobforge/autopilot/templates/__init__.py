"""The templates of autopilot, one file each."""
