"""Uploaded files of every kind as text that knows its pages and its places in the source."""
