"""The densities of the data that every model of the family can have, and how networks read such data.

- "gaussian": real vectors, diagonal Gaussian with its own mean and variance (X. Lin, 2024, eq. 7.2).
- "complex_gaussian": STFT frames, circular complex Gaussian of mean zero (eq. 7.3). Models read and write the power
  |s|^2, and the log-likelihood, up to a constant of the data, is minus the Itakura-Saito divergence (Fevotte et al.,
  2009, eq. 10).

Departure: networks read standardised log power instead of power, which spans eight decades and makes training slow;
power and variance are floored by `floor`, because digital silence makes -log 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import Gaussian, gaussian_log_likelihood
from dvae.distributions.itakura_saito import itakura_saito

GAUSSIAN, COMPLEX_GAUSSIAN = "gaussian", "complex_gaussian"
LOG_POWER_CENTRE, LOG_POWER_SPREAD = -6.0, 3.0  # of speech of mean power 1


Density = Gaussian | ComplexGaussian


def emission_setting() -> Any:
    """The field `emission` of every configuration."""
    return setting(COMPLEX_GAUSSIAN, "density of the data", choices=(GAUSSIAN, COMPLEX_GAUSSIAN))


def floor_setting() -> Any:
    """The field `floor` of every configuration."""
    return setting(1e-6, "power added to data and variance, relative to the mean power", minimum=0.0)


def log_power_features(power: Tensor, floor: float) -> Tensor:
    """Standardised log power, roughly in [-3, 3] for speech of mean power 1; shape of `power`."""
    return (torch.log(power + floor) - LOG_POWER_CENTRE) / LOG_POWER_SPREAD


def data_features(data: Tensor, emission: str, floor: float) -> Tensor:
    """What the networks read: log power of spectra, other data as they are; shape of `data`."""
    return log_power_features(data, floor) if emission == COMPLEX_GAUSSIAN else data


def log_likelihood(data: Tensor, density: Density, floor: float) -> Tensor:
    """log p(data) of each frame, (..., D) -> (...), in nats: data is x for a Gaussian, |s|^2 for a complex one, whose
    likelihood is given relative to that of the best variance, so that zero is a perfect fit."""
    if isinstance(density, ComplexGaussian):
        return -itakura_saito(full_precision(data) + floor, density.variance)
    return gaussian_log_likelihood(data, density).sum(-1)


def full_precision(values: Tensor) -> Tensor:
    """`values` in at least single precision, where training runs in half."""
    return values if values.dtype == torch.float64 else values.float()


def expectation(density: Density) -> Tensor:
    """E[x], or E[|s|^2] of a complex Gaussian: what a model in generation mode is shown of its own output."""
    return density.variance if isinstance(density, ComplexGaussian) else density.mean


class EmissionHead(nn.Module):
    """Features (..., H) -> the density of one frame of dimension D.

    bounded: the features are those of tanh or of an LSTM, in (-1, 1). Log-variances of spectra then start with the
    spread of log power, which Adam would need thousands of small steps to reach, around the mean power of 1: much less
    would be a start at a divergence of 1e5, since too small a variance costs far more than one that is too large.
    """

    def __init__(self, input_size: int, data_size: int, emission: str, floor: float, bounded: bool = True) -> None:
        super().__init__()
        self.floor = floor
        self.mean = nn.Linear(input_size, data_size) if emission == GAUSSIAN else None
        self.log_var = nn.Linear(input_size, data_size)
        if emission == COMPLEX_GAUSSIAN and bounded:
            with torch.no_grad():
                self.log_var.weight.mul_(LOG_POWER_SPREAD)
                self.log_var.bias.zero_()

    def density(self, features: Tensor) -> Density:
        """The density with these parameters, in at least single precision also where training runs in half."""
        with torch.autocast(features.device.type, enabled=False):
            features = full_precision(features)
            log_var: Tensor = self.log_var(features)
            if self.mean is not None:
                return Gaussian(self.mean(features), log_var)
            return ComplexGaussian(log_var.exp() + self.floor)
