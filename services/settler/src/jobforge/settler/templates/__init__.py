"""The templates of the settler domain, one a file."""
