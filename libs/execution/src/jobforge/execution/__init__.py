"""Runs templates; knows no domain."""
