"""NA and NDA: X. Lin (2024), section 6.2.4.

    x_tf ~ Nc(0, v_s,tf(z) + v_n,tf),  z_t ~ N(0, I),  v_n by a network from z, from the past of x, or from both

Encoder and noise network climb the bound, eq. 6.16, together: one step, E-Z and M in one.
"""

from __future__ import annotations

from torch import Tensor

from dvae.enhancement.adaptive import stacked
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.fitted import Fitted
from dvae.enhancement.adaptive.noise_networks import NoiseNetwork
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.inference.variational_em import Step
from dvae.models.rvae import RVAE


class NoiseAdaptation(Fitted):
    """NA from `noise` as it was initialised, NDA from one that was trained on noisy speech."""

    def __init__(self, rvae: RVAE, noise: NoiseNetwork, utterances: Utterances, config: AdaptationConfig) -> None:
        super().__init__(rvae, utterances, config, {"noise": stacked.stack_weights(noise, len(utterances.power))})
        self.dependency = noise.dependency

    def steps(self) -> list[Step]:
        return [Step("E-Z and M", self.e_z_and_m)]

    def variances(self, z: Tensor) -> tuple[Tensor, Tensor]:
        (power, lengths), floor = self.utterances, self.rvae.config.floor
        speech_var = self.rvae.speech_var(z)
        log_var = stacked.noise_log_var(power, z, self.weights.stacks["noise"], self.dependency, lengths, floor)
        return speech_var, log_var.exp() + floor

    def e_z_and_m(self) -> None:
        """One step of Adam on both networks."""
        z, posterior, *_ = self.draw()
        self.climb(*self.variances(z), posterior)
