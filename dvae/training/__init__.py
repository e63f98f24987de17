"""Training of the shipped models from YAML recipes, on Lightning."""
