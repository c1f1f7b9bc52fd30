"""Contract processing."""
