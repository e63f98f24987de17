"""Sizes of the enhancer, shared by its training form (torch) and its streaming form (numpy)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dvae.configuration import setting

PRESETS = {"quality": "speech_enhancer", "low_latency": "speech_enhancer_low_latency"}  # -> shipped model
NEIGHBOURS = 2  # bands on either side that a band of the noise model sees
NUM_WIDE_BANDS = 12  # of the speech detector
WIDE_FLOOR = 1e-5  # power added in the wide bands, relative to the mean power


def wide_band_starts(num_bins: int) -> list[int]:
    """First bin of each wide band, equally wide on a logarithmic scale from 1/80 of the highest frequency on."""
    edges = np.logspace(-1.9, 0.0, NUM_WIDE_BANDS + 1) * num_bins
    return [max(round(float(edge)), 1 + i) for i, edge in enumerate(edges[:-1])]


@dataclass(frozen=True)
class EnhancerConfig:
    """Those of the prior must be those of the RVAE it was trained with."""

    num_bins: int = setting(513, "frequency bins F", minimum=1, maximum=8193)
    synthesis_length: int = setting(
        512, "samples of a frame that are resynthesised", unit="samples", minimum=1, maximum=16384
    )
    latent_size: int = setting(16, "latent dimension L of the speech prior", minimum=1, maximum=8192)
    prior_hidden_size: int = setting(128, "LSTM units of the speech prior", minimum=1, maximum=8192)
    hidden_size: int = setting(256, "units of the observation LSTM", minimum=1, maximum=8192)
    noise_hidden_size: int = setting(
        24, "leaky averages of each kind in every band of the noise model", minimum=1, maximum=8192
    )
    hints: int = setting(2, "numbers that each band gets from the whole spectrum", minimum=1, maximum=8192)
    detector_hidden_size: int = setting(
        24, "leaky averages of each kind in the speech detector", minimum=1, maximum=8192
    )
    lookahead_frames: int = setting(
        3, "future frames read before a frame is filtered", unit="frames", minimum=0, maximum=100
    )
    floor: float = setting(1e-6, "power added to data and variances, relative to the mean power", minimum=0.0)
