"""Uploaded documents of every kind as text whose every character knows its place in the source."""
