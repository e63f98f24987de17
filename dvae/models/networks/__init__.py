"""Networks that several models are built from."""
