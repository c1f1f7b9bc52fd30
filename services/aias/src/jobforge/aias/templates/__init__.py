"""The templates of AIAS, one a file."""
