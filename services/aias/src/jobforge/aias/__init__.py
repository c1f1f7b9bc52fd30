"""AIAS: a tenant's documents as knowledge that can be searched."""
