"""Dynamical variational autoencoders, one paper per file, and their pickle-free checkpoints."""
