"""What the compiled recursions share: numba functions for single precision on a CPU.

Matrix products are those of OpenBLAS, by way of scipy. Everything else is loops that become vector code.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  loaded here, so that a limit of threads finds it
from numpy.typing import NDArray

from dvae.compilation import kept_on_disk

Array = NDArray[np.float32]
PRODUCT_ROWS = 500  # OpenBLAS has kernels of their own for products of less than a million terms


def compiled(function: Any) -> Any:
    """Compiled when it is called first, and kept on disk. A product and a sum may become one instruction."""
    return kept_on_disk(numba.njit(fastmath={"contract"}, error_model="numpy")(function), __file__)


@compiled
def squash(values: Array) -> None:
    """tanh in place, to 3e-7 of its value; sigmoid(x) is (1 + tanh(x / 2)) / 2.

    A rational function of x^2, times x: minimax in relative error over |x| < 8 (6e-9 before rounding), beyond which
    tanh is 1 in single precision. Only products, sums and a quotient, which compilers turn into vector code.
    """
    flat = values.reshape(-1)
    for i in range(flat.size):
        x = flat[i]
        x = np.float32(8.0) if x > np.float32(8.0) else x  # a NaN stays one
        x = np.float32(-8.0) if x < np.float32(-8.0) else x
        s = x * x
        p = np.float32(1.5230486e-08) * s + np.float32(2.18947103e-05)
        p = p * s + np.float32(3.57160094e-03)
        p = p * s + np.float32(1.34445004e-01)
        p = p * s + np.float32(0.9999999935738643)
        q = np.float32(8.52247427e-07) * s + np.float32(3.41129680e-04)
        q = q * s + np.float32(2.61644540e-02)
        q = q * s + np.float32(4.67778278e-01)
        q = q * s + np.float32(1.0)
        flat[i] = x * p / q


@compiled
def multiply(left: Array, right: Array, out: Array) -> None:
    """out = left @ right, a few rows at a time."""
    for i in range(0, len(left), PRODUCT_ROWS):
        np.dot(left[i : i + PRODUCT_ROWS], right, out[i : i + PRODUCT_ROWS])


@compiled
def add_product(left: Array, right: Array, total: Array) -> None:
    """total += left.T @ right, a few rows at a time."""
    part = np.empty_like(total)
    for i in range(0, len(left), PRODUCT_ROWS):
        np.dot(left[i : i + PRODUCT_ROWS].T, right[i : i + PRODUCT_ROWS], part)
        total += part
