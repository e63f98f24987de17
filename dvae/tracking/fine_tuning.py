"""E-Z by gradient ascent: the motion model is fitted to the sequence at hand, within the EM iterations.

X. Lin (2024), section 3.3.2: after each roll-out one step of Adam on the Monte Carlo estimate of eq. 3.27.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from dvae.models.divergence import gaussian_log_likelihood
from dvae.models.layers import Gaussian
from dvae.models.srnn import SRNN
from dvae.tracking.rollout import (
    Array,
    Birth,
    Evidence,
    MotionState,
    Noise,
    RollOut,
    as_tensors,
    roll_out_torch,
    source_kl,
)


class FineTunedMotion:
    """As CompiledMotion, on a copy of `model` that changes with every roll-out; `model` itself stays as it is."""

    def __init__(self, model: SRNN, learning_rate: float) -> None:
        self.config = model.config
        self.model = copy.deepcopy(model).double()
        self.model.requires_grad_(True)
        self._optimiser = torch.optim.Adam(self.model.parameters(), lr=learning_rate)

    def roll_out(
        self,
        state: MotionState,
        birth: Birth,
        evidence: Evidence,
        encoder_source: Array,
        encode: NDArray[np.bool_],
        noise: Noise,
        rate: Array,
        propagate: bool,
    ) -> RollOut:
        """Roll out, then step the parameters up eq. 3.27, at the drawn s and z."""
        like = next(self.model.parameters()).detach()
        roll = roll_out_torch(
            self.model,
            as_tensors(state, like),
            as_tensors(birth, like),
            as_tensors(evidence, like),
            torch.as_tensor(encoder_source, dtype=like.dtype),
            torch.as_tensor(encode),
            as_tensors(noise, like),
            rate.tolist(),
            propagate,
        )
        elbo = self.elbo(roll)
        self._optimiser.zero_grad()
        torch.autograd.backward(-elbo)
        self._optimiser.step()
        arrays = [part.detach().numpy() for part in roll[:5]]
        return RollOut._make([*arrays, MotionState._make(part.detach().numpy() for part in roll.states)])

    def source_kl(self, roll: RollOut) -> float:
        """See dvae.tracking.rollout."""
        return source_kl(roll)

    def elbo(self, roll: RollOut) -> torch.Tensor:
        """Eq. 3.27 after the first frame, where the prediction is given: log p(s | past, z) - KL(q(z) || p(z))."""
        drawn = roll.states.source[1:].detach()
        predicted = Gaussian(roll.predicted_mean[1:], roll.predicted_variance[1:].log())
        elbo: torch.Tensor = gaussian_log_likelihood(drawn, predicted).sum() - roll.kl[1:].sum()
        return elbo
