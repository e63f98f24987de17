"""The variational EM loop, written once for boxes, directions and spectra: a list of named steps, run in order.

X. Lin (2024), algorithm 1. A model says which steps it has, and in which order: E-W, E-Z and E-S (section 4.4.2), with
M where parameters are estimated; one E-W for each kind of observation; none where there is nothing to assign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol


class Step(NamedTuple):
    """An update of one posterior, or of the parameters, the others held."""

    name: str  # as in the paper: "E-W", "E-Z", "E-S", "M"
    update: Callable[[], None]


class VariationalProblem(Protocol):
    """A model with its posteriors as state."""

    def steps(self) -> Sequence[Step]:
        """The steps of one iteration, in order."""

    def objective(self) -> float:
        """The lower bound that the steps raise, at the present posteriors, in nats."""


def iterate_variational_em(
    problem: VariationalProblem, num_iterations: int, each_step: bool = False
) -> Iterator[float]:
    """The objective after each of `num_iterations` iterations, each run when its value is asked for: who has enough
    stops asking. each_step: after each step instead, which tells the step that lowers the bound.

    FloatingPointError that names the iteration, and the step where each is looked at, when the objective is not finite.
    """
    for iteration in range(1, num_iterations + 1):
        for step in problem.steps():
            step.update()
            if each_step:
                yield _finite(problem.objective(), f"iteration {iteration}, {step.name}")
        if not each_step:
            yield _finite(problem.objective(), f"iteration {iteration}")


def run_variational_em(problem: VariationalProblem, num_iterations: int, each_step: bool = False) -> list[float]:
    """All iterations, and the objectives of `iterate_variational_em`."""
    return list(iterate_variational_em(problem, num_iterations, each_step))


def _finite(objective: float, where: str) -> float:
    if not math.isfinite(objective):
        raise FloatingPointError(f"{where}: expected a finite objective, got {objective}")
    return objective
