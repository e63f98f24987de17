"""What RVAE-VEM and NA share: a copy of the encoder for each utterance, fitted by Adam."""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.enhancement.adaptive import stacked
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.dvae import Latents
from dvae.models.rvae import RVAE


class Fitted:
    """Encoder copies fitted by Adam, with whatever else has weights; shared by VEM and NA."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        self.rvae, self.config = rvae, config
        self.utterances, self.mask = utterances, utterances.mask
        self.generator = torch.Generator().manual_seed(config.seed)
        self.groups = [stacked.stack_weights(rvae.posterior, len(utterances.power))]
        self._bound = torch.zeros(len(utterances.power))

    def start(self) -> None:
        """Give all weights to Adam; call once after adding groups."""
        self.adam = torch.optim.Adam(self._leaves(), lr=self.config.learning_rate, betas=(0.9, 0.99), eps=1e-9)

    def _leaves(self) -> list[Tensor]:
        return [leaf for group in self.groups for leaf in group.values()]

    def draw(self) -> Latents:
        """A sample of z (B, T, L) and the posterior that it is from."""
        power, lengths = self.utterances
        shape = (*power.shape[:2], self.rvae.config.latent_size)
        noise = torch.randn(shape, generator=self.generator)
        config = self.rvae.config
        return stacked.encode(power, self.groups[0], config.causal, lengths, noise, config.floor)

    def climb(self, bound: Tensor) -> None:
        """One step of Adam up the bounds (B, T) of all frames."""
        per_utterance = (bound * self.mask[..., 0]).sum(1) / self.utterances.lengths
        self.adam.zero_grad()
        (-per_utterance.sum()).backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        self._bound = per_utterance.detach()

    def bound(self) -> Tensor:
        """At the weights before the last step, which it was computed for."""
        return self._bound

    def select(self, kept: Tensor) -> None:
        """Weights, the state of Adam and the data of the utterances `kept`."""
        self.utterances = Utterances(self.utterances.power[kept], self.utterances.lengths[kept])
        self.mask = self.utterances.mask
        before = [self.adam.state[leaf] for leaf in self._leaves()]
        self.groups = [
            {name: leaf.detach()[kept].clone().requires_grad_() for name, leaf in group.items()}
            for group in self.groups
        ]
        self.start()
        for leaf, state in zip(self._leaves(), before, strict=True):
            self.adam.state[leaf] = {
                name: value[kept] if name.startswith("exp_avg") else value for name, value in state.items()
            }
