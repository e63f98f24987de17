"""Protocols that score models, the scores themselves, and the pictures and tables that show them."""
