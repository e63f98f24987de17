"""What RVAE-VEM and NA share: a copy of the encoder for each utterance, fitted by Adam with whatever else has weights.

The bound of an utterance of T frames, X. Lin (2024), eq. 6.16, with z drawn from q (up to a constant of the data):

    1 / T * sum_t [ - sum_f d_IS(|x_tf|^2, v_s,tf(z) + v_n,tf(z)) - KL(q(z_t | z_{1:t-1}, x) || N(0, I)) ]
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from dvae.distributions.complex_gaussian import wiener_gain
from dvae.distributions.gaussian import Gaussian
from dvae.enhancement.adaptive import stacked
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.method import Method
from dvae.enhancement.adaptive.noise_networks import noisy_speech_elbo
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.dvae import Latents
from dvae.models.rvae import RVAE

Stacks = Mapping[str, dict[str, Tensor]]  # network -> name in it -> (B, *shape there)


class FittedWeights:
    """Weights of their own for each utterance, and the Adam that fits them."""

    def __init__(self, stacks: Stacks, learning_rate: float) -> None:
        self.stacks, self.learning_rate = stacks, learning_rate
        self.adam = torch.optim.Adam(self._leaves(), lr=learning_rate, betas=(0.9, 0.99), eps=1e-9)

    def _leaves(self) -> list[Tensor]:
        return [leaf for stack in self.stacks.values() for leaf in stack.values()]

    def climb(self, bound: Tensor) -> None:
        """One step up the bounds (B,)."""
        self.adam.zero_grad()
        (-bound.sum()).backward()  # type: ignore[no-untyped-call]
        self.adam.step()

    def select(self, kept: Tensor) -> FittedWeights:
        """The weights of the utterances `kept` (indices), with what Adam remembers of them."""
        stacks = {
            network: {name: leaf.detach()[kept].clone().requires_grad_() for name, leaf in stack.items()}
            for network, stack in self.stacks.items()
        }
        selected = FittedWeights(stacks, self.learning_rate)
        for leaf, before in zip(selected._leaves(), self._leaves(), strict=True):
            selected.adam.state[leaf] = {
                name: value[kept] if name.startswith("exp_avg") else value
                for name, value in self.adam.state[before].items()
            }
        return selected


class Fitted(Method):
    """Subclasses say what the noise is, and add the stacks of its weights."""

    def __init__(
        self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig, stacks: Stacks | None = None
    ) -> None:
        self.rvae, self.config, self.utterances = rvae, config, utterances
        self.generator = torch.Generator().manual_seed(config.seed)
        encoder = stacked.stack_weights(rvae.posterior, len(utterances.power))
        self.weights = FittedWeights({"encoder": encoder, **(stacks or {})}, config.learning_rate)
        self._bound = torch.zeros(len(utterances.power))

    @abstractmethod
    def variances(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, T, L) -> v_s and v_n (B, T, F) in the mixture."""

    def draw(self) -> Latents:
        """A sample of z (B, T, L) and the posterior that it is from."""
        (power, lengths), config = self.utterances, self.rvae.config
        noise = torch.randn((*power.shape[:2], config.latent_size), generator=self.generator)
        return stacked.encode(power, self.weights.stacks["encoder"], config.causal, lengths, noise, config.floor)

    def climb(self, speech_var: Tensor, noise_var: Tensor, posterior: Gaussian) -> None:
        """One step of Adam up the bounds of all utterances."""
        frames = noisy_speech_elbo(self.utterances.power, speech_var, noise_var, posterior, self.rvae.config.floor)
        bound = (frames * self.utterances.mask[..., 0]).sum(1) / self.utterances.lengths
        self.weights.climb(bound)
        self._bound = bound.detach()

    def bound(self) -> Tensor:
        """At the weights before the last step, which it was computed for."""
        return self._bound

    @torch.no_grad()
    def gain(self) -> Tensor:
        """The mean of v_s / (v_s + v_n) over `num_samples` draws of z."""
        gains = torch.zeros_like(self.utterances.power)
        for _ in range(self.config.num_samples):
            gains += wiener_gain(*self.variances(self.draw().z))
        return gains / self.config.num_samples

    def select(self, kept: Tensor) -> None:
        self.utterances, self.weights = self.utterances.select(kept), self.weights.select(kept)
        self._bound = self._bound[kept]
