"""HiT-DVAE and LigHT-DVAE: hierarchical Transformer dynamical VAEs.

X. Lin, X. Bie, S. Leglaive, L. Girin, X. Alameda-Pineda, "Speech modeling with a hierarchical Transformer dynamical
VAE", ICASSP 2023; X. Lin (2024), chapter 7, eqs 7.1 to 7.10. Beside z_t there is one w for the whole sequence.

- HiT: two decoders. That of x_t has its queries from [z_{1:t}, w] and its source from x_{0:t-1}; that of z_t has its
  queries from [x_{0:t-1}, w] and its source from z_{0:t-1}. 21.75 M parameters.
- LigHT: one decoder for both, with queries from [z_{1:t}, w] or [z_{0:t-1}, w] and its source from x_{0:t-1}. 17.46 M.

Ablations of table 7.2: `inverted` swaps queries and source of x_t (Inv-s), `residual: false` takes the residual
connections around both attentions from the decoder of x_t (NRC).

What the text leaves open: features of 256 with tanh; w from the last states of a two-layer LSTM of 512 in both
directions (the published numbers of parameters follow); each decoder reads x through features of its own. Departures:
of the backward direction the last state is the one at frame 1, since that at frame T has seen one frame only; log power
as input, and floors (dvae.models.networks.emission).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.distributions.gaussian import Gaussian
from dvae.models.dvae import DVAE, Densities, Latents, Step, given_or_drawn, shift_right
from dvae.models.networks.emission import Density, EmissionHead, emission_setting, floor_setting
from dvae.models.networks.layers import GaussianHead, tanh_layers
from dvae.models.networks.transformer import Decoder, EncoderLayer, LayerState, positions

SEPARATE, SHARED = "separate", "shared"


@dataclass(frozen=True)
class HiTDVAEConfig:
    """Sizes of the networks (defaults: the paper's)."""

    data_size: int = setting(513, "dimension D of a frame", minimum=1)
    latent_size: int = setting(16, "dimension L_z of z", minimum=1)
    global_size: int = setting(32, "dimension L_w of w", minimum=1)
    features_size: int = setting(256, "layer between data and networks", minimum=1)
    global_hidden_size: int = setting(512, "units of the LSTM that w is read from, each direction", minimum=1)
    model_size: int = setting(256, "width of the Transformers", minimum=2)
    feed_forward_size: int = setting(1024, "hidden layer of the feed-forward networks", minimum=1)
    num_layers: int = setting(4, "layers of encoder and decoders", minimum=1, maximum=100)
    num_heads: int = setting(1, "attention heads; more were worse in the paper", minimum=1)
    decoders: str = setting(SEPARATE, "for x and z: two decoders (HiT) or the same (LigHT)", choices=(SEPARATE, SHARED))
    inverted: bool = setting(False, "queries of x_t from the past of x and source from z (ablation Inv-s)")
    residual: bool = setting(True, "residual connections around the attentions that give x_t (ablation NRC: without)")
    emission: str = emission_setting()
    floor: float = floor_setting()


class GlobalPosterior(nn.Module):
    """q(w | x_{1:T}), eq. 7.7. features: (B, T, D), w: (B, L_w)."""

    def __init__(self, config: HiTDVAEConfig) -> None:
        super().__init__()
        size = config.global_hidden_size
        self.lstm = nn.LSTM(config.features_size, size, num_layers=2, batch_first=True, bidirectional=True)
        self.density = GaussianHead(2 * size, (), config.global_size)

    def forward(self, features: Tensor) -> Gaussian:
        _, (last, _) = self.lstm(features)
        density: Gaussian = self.density(torch.cat([last[-2], last[-1]], dim=-1))
        return density


class Posterior(nn.Module):
    """q(z_t | x_{1:T}, w), eq. 7.8: a Transformer encoder without mask. features: (B, T, D), w: (B, L_w)."""

    def __init__(self, config: HiTDVAEConfig) -> None:
        super().__init__()
        size = config.model_size
        self.embedding = nn.Linear(config.features_size + config.global_size, size)
        self.layers = nn.ModuleList(
            EncoderLayer(size, config.feed_forward_size, config.num_heads) for _ in range(config.num_layers)
        )
        self.density = GaussianHead(size, (), config.latent_size)

    def forward(self, features: Tensor, w: Tensor) -> Gaussian:
        sequence = self.embedding(with_global(features, w))
        sequence = sequence + positions(0, sequence.shape[1], sequence.shape[2], sequence)
        for layer in self.layers:
            sequence = layer(sequence)
        density: Gaussian = self.density(sequence)
        return density


class HiTState(NamedTuple):
    """What one step hands to the next."""

    w: Tensor  # (B, L_w)
    z: Tensor  # z_{t-1}, (B, L)
    frame_index: int  # t
    for_x: tuple[LayerState, ...]
    for_z: tuple[LayerState, ...]


class HiTDVAE(DVAE[HiTState]):
    """w ~ N(0, I); x_t and z_t from w, z and the past of the data; z_0 = 0."""

    Config = HiTDVAEConfig
    config: HiTDVAEConfig
    reads_past = True

    def __init__(self, config: HiTDVAEConfig) -> None:
        super().__init__()
        self.config = config
        size, latent = config.model_size, config.latent_size
        self.posterior_features = tanh_layers(config.data_size, (config.features_size,))
        self.global_posterior = GlobalPosterior(config)
        self.posterior = Posterior(config)
        self.past_features = tanh_layers(config.data_size, (config.features_size,))
        shared = config.decoders == SHARED
        sizes = (config.num_layers, size, config.feed_forward_size, config.num_heads)
        self.decoder = Decoder(*sizes, residual=config.residual)
        self.z_decoder = None if shared else Decoder(*sizes)
        # x_t queries with z unless inverted; z_t queries with the past of x where it has a decoder of its own
        z_queries, x_queries = not config.inverted, config.inverted or not shared
        embeddings = {
            "z_query": nn.Linear(latent + config.global_size, size) if z_queries else None,
            "z_source": nn.Linear(latent, size) if x_queries else None,
            "x_query": nn.Linear(config.features_size + config.global_size, size) if x_queries else None,
            "x_source": nn.Linear(config.features_size, size) if z_queries else None,
        }
        self.embeddings = nn.ModuleDict({name: layer for name, layer in embeddings.items() if layer is not None})
        self.emission = EmissionHead(size, config.data_size, config.emission, config.floor, bounded=False)
        self.transition = GaussianHead(size, (), latent)

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        """w and z are drawn, or both are means without `noise`, whose last frames are for w (`noise_shape`)."""
        features = self.posterior_features(self.features(data))
        num_frames, w_noise = data.shape[1], None
        if noise is not None:
            w_noise = noise[:, num_frames:].flatten(1)[:, : self.config.global_size]
            noise = noise[:, :num_frames]
        w_posterior: Gaussian = self.global_posterior(features)
        w = w_posterior.draw(w_noise)
        posterior: Gaussian = self.posterior(features, w)
        return Latents(posterior.draw(noise), posterior, w, w_posterior)

    def encode_with(self, data: Tensor, w: Tensor) -> Latents:
        """The means of q(z | x, w) at a given w (B, L_w)."""
        posterior: Gaussian = self.posterior(self.posterior_features(self.features(data)), w)
        return Latents(posterior.mean, posterior, w)

    def noise_shape(self, batch: int, num_frames: int) -> tuple[int, int, int]:
        """z takes `num_frames` frames, w what it needs after them."""
        return batch, num_frames - (-self.config.global_size // self.config.latent_size), self.config.latent_size

    def draw_w(self, batch: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, self.config.global_size, generator=generator).to(self.zeros(1))

    def _x_inputs(self, z: Tensor, past: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and source of p(x_t | x_{1:t-1}, z_{1:t}, w) from z_t and the features of x_{t-1}, (..., D) each."""
        if self.config.inverted:
            return self._embed("x_query", past, w), self._embed("z_source", z)
        return self._embed("z_query", z, w), self._embed("x_source", past)

    def _z_inputs(self, z_before: Tensor, past: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and source of p(z_t | x_{1:t-1}, z_{1:t-1}, w) from z_{t-1} and the features of x_{t-1}."""
        if self.z_decoder is None and not self.config.inverted:
            return self._embed("z_query", z_before, w), self._embed("x_source", past)
        return self._embed("x_query", past, w), self._embed("z_source", z_before)

    def _embed(self, name: str, values: Tensor, w: Tensor | None = None) -> Tensor:
        embedded: Tensor = self.embeddings[name](values if w is None else with_global(values, w))
        return embedded

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        """As in the family; ValueError without w (B, L_w)."""
        past, w = self._past(shown), self._given(w)
        for_x = self.decoder(*self._x_inputs(z, past, w))
        for_z = (self.z_decoder or self.decoder)(*self._z_inputs(shift_right(z), past, w))
        return Densities(self.transition(for_z), self.emission.density(for_x))

    def emissions(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Density:
        return self.emission.density(self.decoder(*self._x_inputs(z, self._past(shown), self._given(w))))

    def _past(self, shown: Tensor) -> Tensor:
        features: Tensor = self.past_features(self.features(shift_right(shown)))
        return features

    def _given(self, w: Tensor | None) -> Tensor:
        if w is None:
            raise ValueError("expected the w of the sequences, got None")
        return w

    def initial_state(self, batch: int, w: Tensor | None = None) -> HiTState:
        """As in the family; w is zero, the mean of its prior, where it is not given."""
        w = self.zeros(batch, self.config.global_size) if w is None else w
        for_z = (self.z_decoder or self.decoder).initial_state()
        return HiTState(w, self.zeros(batch, self.config.latent_size), 0, self.decoder.initial_state(), for_z)

    def step(
        self, state: HiTState, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None
    ) -> Step[HiTState]:
        """As in the family. A state goes on either with given or with drawn z: where z is given, what its decoder would
        keep is not computed; ValueError for a mixture."""
        past = self.past_features(self.features(previous))
        for_z = state.for_z

        def prior() -> Gaussian:
            nonlocal for_z
            if state.frame_index and for_z[0].own is None:
                raise ValueError("expected z, which was given for the frames before; a state cannot go over to drawing")
            decoder = self.z_decoder or self.decoder
            hidden, for_z = decoder.step(*self._z_inputs(state.z, past, state.w), state.frame_index, for_z)
            density: Gaussian = self.transition(hidden)
            return density

        density, z = given_or_drawn(z, prior, noise)
        hidden, for_x = self.decoder.step(*self._x_inputs(z, past, state.w), state.frame_index, state.for_x)
        emission = self.emission.density(hidden)
        return Step(density, z, emission, HiTState(state.w, z, state.frame_index + 1, for_x, for_z))


def with_global(values: Tensor, w: Tensor) -> Tensor:
    """[values, w]: w (B, L_w) beside every frame of values (B, T, D), or beside one frame (B, D)."""
    repeated = w[:, None].expand(-1, values.shape[1], -1) if values.ndim == 3 else w
    return torch.cat([values, repeated], dim=-1)
