"""The circular complex Gaussian of STFT coefficients, Nc(x; 0, v) = exp(-|x|^2 / v) / (pi v).

What a Wiener filter is made of; written with operators, for numpy arrays as for tensors, without importing torch. Its
log-likelihood and divergence, which models are trained on, are dvae.distributions.itakura_saito.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Values = TypeVar("Values", "Tensor", NDArray[np.float32])


class ComplexGaussian(NamedTuple):
    """A circular complex Gaussian of mean zero: its variance (..., F), which is also the expectation of the power."""

    variance: Tensor

    def draw(self, noise: Tensor) -> Tensor:
        """std * noise: complex, with complex standard normal noise (E |noise|^2 = 1) of the shape of `variance`."""
        return self.variance.sqrt() * noise


def wiener_gain(source_var: Values, noise_var: Values) -> Values:
    """v_s / (v_s + v_n), in (0, 1): the mean of s given x = s + n is gain * x (X. Lin, 2024, eq. 6.12)."""
    return source_var / (source_var + noise_var)


def product(mixture: Any, source_var: Values, noise_var: Values) -> tuple[Any, Values]:
    """Nc(s; 0, v_s) Nc(x - s; 0, v_n) normalised -> mean (complex, as x) and variance of s (eqs 6.12, 6.13)."""
    gain = wiener_gain(source_var, noise_var)
    return gain * mixture, gain * noise_var
