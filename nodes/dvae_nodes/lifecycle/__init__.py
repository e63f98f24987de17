"""The lifecycle node, its parameters, and what it says of itself."""
