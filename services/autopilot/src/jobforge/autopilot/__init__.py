"""Autopilot: looks at sites from outside, explains what went wrong, and drafts content."""
