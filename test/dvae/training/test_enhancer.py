"""The loss of the enhancer's training against complex arithmetic, and what its batches hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dvae.data.crops import AudioCrops
from dvae.data.mixtures import MixtureSource
from dvae.enhancement.config import EnhancerConfig
from dvae.signal.audio_folder import list_audio
from dvae.training.enhancer import MixtureBatches, Powers, compress, error_power
from dvae.training.recipe import Optimisation


def spectra(generator: torch.Generator, noise_level: float) -> tuple[Tensor, Tensor]:
    """Speech and noise, complex (B, T, F)."""
    parts = torch.randn(2, 2, 5, 9, generator=generator, dtype=torch.complex64)
    return parts[0], noise_level * parts[1]


def test_the_error_from_powers_is_that_of_the_complex_estimate(generator: torch.Generator) -> None:
    for noise_level in (1.0, 1e-3, 1e3):
        speech, noise = spectra(generator, noise_level)
        gain = torch.rand(2, 5, 9, generator=generator)
        powers = Powers(*(part.abs().square() for part in (speech + noise, speech, noise)))
        exact = (gain.double() * (speech.cdouble() + noise.cdouble()) - speech.cdouble()).abs().square()
        torch.testing.assert_close(error_power(gain, powers).double(), exact, rtol=1e-4, atol=1e-5)


def test_compression_is_a_power_of_the_magnitude_with_a_finite_gradient() -> None:
    power = torch.tensor([0.0, 1.0, 100.0], requires_grad=True)
    compressed = compress(power)
    torch.testing.assert_close(compressed[1:], torch.tensor([1.0, 10.0**0.3]), rtol=1e-5, atol=0)
    (gradient,) = torch.autograd.grad(compressed.sum(), power)
    assert gradient.isfinite().all()


def test_batches_hold_the_powers_of_parts_that_add_up(audio_folders: Path) -> None:
    speech, noise = (AudioCrops(list_audio(audio_folders / kind / "train"), 16000) for kind in ("speech", "noise"))
    options, config = Optimisation(batch_size=3, num_frames=20), EnhancerConfig(lookahead_frames=2)
    batches = MixtureBatches(MixtureSource(speech, noise, (0.0, 0.0), True), options, config, 2, 5)
    *powers, active, seed = batches[1]
    mixture, clean, rest = (power.numpy() for power in powers)
    assert mixture.shape == clean.shape == rest.shape == (3, 22, 513)
    assert active.shape == (3, 22)
    assert seed == 6
    distance = np.abs(np.sqrt(mixture) - np.sqrt(clean))  # | |x| - |s| | <= |x - s| <= |x| + |s|
    assert (distance <= np.sqrt(rest) + 1e-4).all()
    assert (np.sqrt(rest) <= np.sqrt(mixture) + np.sqrt(clean) + 1e-4).all()
    assert 0.05 < mixture.mean() < 5.0  # divided by the running level
    assert all(torch.equal(one, other) for one, other in zip(batches[1], [*powers, active, seed], strict=True))
