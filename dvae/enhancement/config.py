"""Sizes of the enhancer, shared by its training form (torch) and its streaming form (numpy)."""

from __future__ import annotations

from dataclasses import dataclass

from dvae.configuration import setting


@dataclass(frozen=True)
class EnhancerConfig:
    """Those of the prior must be those of the RVAE it was trained with."""

    num_bins: int = setting(513, "frequency bins F", minimum=1)
    synthesis_length: int = setting(512, "samples of a frame that are resynthesised", unit="samples", minimum=1)
    latent_size: int = setting(16, "latent dimension L of the speech prior", minimum=1)
    prior_hidden_size: int = setting(128, "LSTM units of the speech prior", minimum=1)
    hidden_size: int = setting(256, "units of the observation LSTM", minimum=1)
    noise_hidden_size: int = setting(24, "leaky averages of each kind in every band of the noise model", minimum=1)
    hints: int = setting(2, "numbers that each band gets from the whole spectrum", minimum=1)
    lookahead_frames: int = setting(3, "future frames read before a frame is filtered", unit="frames", minimum=0)
    floor: float = setting(1e-6, "power added to data and variances, relative to the mean power", minimum=0.0)
