"""Builders, fakes, the in-memory wire and real backends for tests."""
