"""The templates of the keys service."""
