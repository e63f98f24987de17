"""What is compared on the fixed mixtures: by name, a method from mixtures to estimates; loaded when used."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dvae.enhancement.config import PRESETS
from dvae.evaluation.enhancement import Enhanced, Method
from dvae.evaluation.fixed_mixtures import FixedMixture
from dvae.signal.stft import STFT

if TYPE_CHECKING:
    from dvae.enhancement.adaptive.config import AdaptationConfig

NOISE_MODELS = ("LV", "NO", "NOLV")
ADAPTIVE = ("VEM", "LDEM", *(f"{kind}-{model}" for kind in ("NA", "ND", "NDA") for model in NOISE_MODELS))
METHODS = ("noisy", "oracle", *PRESETS, *ADAPTIVE)


def make_method(name: str, prior: str, settings: AdaptationConfig, trained_below: Path) -> Method:
    """One of METHODS, its models loaded; the rest is for the ADAPTIVE ones. ValueError for another name."""
    if name == "noisy":
        return unchanged
    if name == "oracle":
        return oracle
    if name in PRESETS:
        return streaming(name)
    if name not in ADAPTIVE:
        raise ValueError(f"expected one of {' '.join(METHODS)}, got {name}")
    from dvae.evaluation.adaptive_enhancers import adaptive

    return adaptive(name, prior, settings, trained_below)


def unchanged(batch: Sequence[FixedMixture]) -> Enhanced:
    """The mixtures themselves."""
    return Enhanced([mixture.noisy for mixture in batch], 0, 0.0)


def oracle(batch: Sequence[FixedMixture]) -> Enhanced:
    """The Wiener filter with |s|^2 and |n|^2 themselves as variances, on the streaming enhancer's front end."""
    stft, estimates, began = STFT(synthesis_length=512), [], time.process_time()
    for mixture in batch:
        clean, noisy = stft.analyse(mixture.clean), stft.analyse(mixture.noisy)
        speech, noise = np.square(np.abs(clean)), np.square(np.abs(noisy - clean))
        estimates.append(stft.synthesise(noisy * speech / (speech + noise + 1e-12), mixture.noisy.size))
    return Enhanced(estimates, 0, time.process_time() - began)


def streaming(preset: str) -> Method:
    """The streaming enhancer, one stream for each mixture."""
    from dvae.enhancement.streaming import StreamingEnhancer

    enhancer = StreamingEnhancer.load(preset)

    def run(batch: Sequence[FixedMixture]) -> Enhanced:
        began = time.process_time()
        estimates = [np.concatenate([enhancer.feed(mixture.noisy), enhancer.flush()]) for mixture in batch]
        enhancer.pop_activity()
        return Enhanced(estimates, 0, time.process_time() - began)

    return run
