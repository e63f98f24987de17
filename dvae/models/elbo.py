"""The value of an evidence lower bound, with its parts."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class ELBO(NamedTuple):
    """elbo = reconstruction - beta * kl, in nats per frame, scalars."""

    elbo: Tensor
    reconstruction: Tensor
    kl: Tensor
