"""The jobforge command."""
