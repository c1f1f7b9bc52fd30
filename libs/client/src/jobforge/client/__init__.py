"""The Python client of JobForge."""
