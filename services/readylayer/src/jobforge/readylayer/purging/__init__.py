"""Copies that caches hold: which may be dropped, how each kind of cache is asked, and what it answered."""
