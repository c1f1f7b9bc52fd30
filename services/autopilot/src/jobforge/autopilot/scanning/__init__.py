"""Looks at a site from outside, and says what it found."""
