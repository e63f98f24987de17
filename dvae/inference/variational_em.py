"""The variational EM loop, written once for boxes and for spectra.

X. Lin (2024), algorithm 1, in the order E-W, E-Z and E-S, M of its section 4.4.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol


class VariationalProblem(Protocol):
    """A model with its posteriors as state; each step updates one of them, the others held."""

    def e_w(self) -> None:
        """Update the assignment posterior q(w), eqs 3.24 and 3.25."""

    def e_z_and_e_s(self) -> None:
        """Update the latent and source posteriors q(z) and q(s), eqs 3.18 to 3.22."""

    def m_step(self) -> None:
        """Update the model parameters, eq. 3.26 (or nothing, where they are fixed)."""

    def objective(self) -> float:
        """The lower bound that the steps raise, at the present posteriors, in nats."""


def run_variational_em(
    problem: VariationalProblem, num_iterations: int, has_converged: Callable[[], bool] | None = None
) -> list[float]:
    """Iterate, at most `num_iterations` times or until `has_converged`, and return the objective after each iteration.

    FloatingPointError when it is not finite.
    """
    history: list[float] = []
    for iteration in range(num_iterations):
        problem.e_w()
        problem.e_z_and_e_s()
        problem.m_step()
        history.append(problem.objective())
        if not math.isfinite(history[-1]):
            raise FloatingPointError(f"iteration {iteration + 1}: expected a finite objective, got {history[-1]}")
        if has_converged is not None and has_converged():
            break
    return history
