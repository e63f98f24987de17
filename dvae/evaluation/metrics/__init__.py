"""Scores as the field defines them, by the packages the field uses."""
