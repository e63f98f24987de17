"""A whole recorded sequence with a known number of people: the paper's algorithm."""
