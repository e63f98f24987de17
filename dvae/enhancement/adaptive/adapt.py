"""The loop of the adaptive methods: an utterance leaves the batch when its bound stops rising."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.utterances import Adapted, Utterances
from dvae.inference.variational_em import run_variational_em


class Method(Protocol):
    """One adaptive method on the utterances that are not done yet."""

    def e_step(self) -> None:
        """Improve the posterior of z."""

    def m_step(self) -> None:
        """Improve the noise."""

    def bound(self) -> Tensor:
        """The lower bound of each utterance now, (B,), in nats per frame."""

    def gain(self) -> Tensor:
        """Wiener gains now, (B, T, F)."""

    def select(self, kept: Tensor) -> None:
        """Go on with the utterances `kept` (indices) only."""


class _Problem:
    """Runs a method inside the project's EM loop; utterances leave the batch when their bound stops rising."""

    def __init__(self, method: Method, utterances: Utterances, config: AdaptationConfig) -> None:
        self.method, self.config = method, config
        batch = len(utterances.power)
        self.active = torch.arange(batch)
        self.result = torch.zeros_like(utterances.power)
        self.iterations = torch.zeros(batch, dtype=torch.long)
        self.history: list[Tensor] = []  # bounds (B,), NaN for those that are done
        self.num_utterances = batch

    def e_w(self) -> None:
        """There is nothing to assign: every bin is a sum of speech and noise."""

    def e_z_and_e_s(self) -> None:
        """q(s | z, x) is exact (eqs 6.12, 6.13); only z needs a step."""
        self.method.e_step()

    def m_step(self) -> None:
        self.method.m_step()

    def objective(self) -> float:
        bounds = torch.full((self.num_utterances,), torch.nan)
        bounds[self.active] = self.method.bound().detach()
        self.history.append(bounds)
        return float(bounds[self.active].mean())

    def has_converged(self) -> bool:
        number, patience = len(self.history), self.config.patience
        finished = torch.full((len(self.active),), number >= self.config.max_iterations)
        if number >= max(self.config.min_iterations, 2 * patience):
            recent = torch.stack(self.history[-2 * patience :])[:, self.active]
            finished |= recent[patience:].mean(0) - recent[:patience].mean(0) < self.config.tolerance
        if finished.any():
            leaving = self.active[finished]
            self.result[leaving] = self.method.gain()[finished]
            self.iterations[leaving] = number
            kept = torch.nonzero(~finished)[:, 0]
            self.active = self.active[kept]
            if kept.numel():
                self.method.select(kept)
        return not self.active.numel()


def adapt(method: Method, utterances: Utterances, config: AdaptationConfig) -> Adapted:
    """Iterate `method` until every utterance is done."""
    problem = _Problem(method, utterances, config)
    run_variational_em(problem, config.max_iterations, problem.has_converged)
    return Adapted(problem.result * utterances.mask, problem.iterations, torch.stack(problem.history))
