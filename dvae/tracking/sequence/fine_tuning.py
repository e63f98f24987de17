"""E-Z by gradient ascent: the motion model is fitted to the sequence at hand, within the EM iterations.

X. Lin (2024), section 3.3.2: after each roll-out one step of Adam on the Monte Carlo estimate of eq. 3.27. Its s is a
sample of q(s), through which no gradient flows; so all frames are one batch, and only z is sequential.
"""

from __future__ import annotations

import copy

import torch

from dvae.distributions.gaussian import gaussian_log_likelihood, kl_divergence
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.rollout import Array, Birth, EncoderInput, Evidence, MotionState, Noise, RollOut, source_kl


class FineTunedMotion:
    """As CompiledMotion, on a copy of `model` that changes with every roll-out; `model` itself stays as it is."""

    def __init__(self, model: TrajectorySRNN, learning_rate: float) -> None:
        self.config = model.config
        self.model = copy.deepcopy(model).double()
        self.model.requires_grad_(True)
        self._optimiser = torch.optim.Adam(self.model.parameters(), lr=learning_rate)

    def roll_out(
        self,
        state: MotionState,
        birth: Birth,
        evidence: Evidence,
        encoder: EncoderInput,
        noise: Noise,
        rate: Array,
        propagate: bool,
    ) -> RollOut:
        """Roll out, then step the parameters up eq. 3.27 at the drawn s and z. All sources begin in the first frame."""
        compiled = CompiledMotion(self.model)
        roll = compiled.roll_out(state, birth, evidence, encoder, noise, rate, propagate)
        elbo = self.elbo(*(torch.as_tensor(part) for part in (roll.states.source, roll.variance, noise.z)))
        self._optimiser.zero_grad()
        torch.autograd.backward(-elbo)
        self._optimiser.step()
        return roll

    def source_kl(self, roll: RollOut) -> float:
        """See dvae.tracking.motion.rollout."""
        return source_kl(roll)

    def elbo(self, drawn: torch.Tensor, variance: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Eq. 3.27 of drawn trajectories (N, T, 4) after the first frame: E[log p(s | past, z)] - KL(q(z) || p(z)).

        variance (N, T, 4), of q(s): its part of the expectation is exact, without it the model would grow too sure.
        """
        densities = self.model.teacher_forced(drawn, noise)
        uncertain = 0.5 * variance[:, 1:] * torch.exp(-densities.emission.log_var)
        likelihood = (gaussian_log_likelihood(drawn[:, 1:], densities.emission) - uncertain).sum()
        elbo: torch.Tensor = likelihood - kl_divergence(densities.posterior, densities.prior).sum()
        return elbo
