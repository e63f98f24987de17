"""Probability densities, one a file: density, draw, Kullback-Leibler divergence, product."""
