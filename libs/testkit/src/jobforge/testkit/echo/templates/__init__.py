"""The templates of the echo domain."""
