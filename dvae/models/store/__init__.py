"""Stored models: where they are, reading and writing them, the family by name."""
