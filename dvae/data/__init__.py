"""Training and test data from plain folders."""
