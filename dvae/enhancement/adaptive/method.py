"""What every adaptive method can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor

from dvae.inference.variational_em import Step


class Method(ABC):
    """A variational problem whose unknowns are those of B utterances, none of which knows of the others.

    q(s | z, x) is exact in all of them, the Wiener filter of X. Lin (2024), eqs 6.12 and 6.13, and every bin is a sum
    of speech and noise: there is no E-S to iterate and nothing to assign.
    """

    @abstractmethod
    def steps(self) -> Sequence[Step]:
        """The steps of one iteration, in order."""

    @abstractmethod
    def bound(self) -> Tensor:
        """The lower bound of each utterance, (B,), in nats per frame."""

    @abstractmethod
    def gain(self) -> Tensor:
        """Wiener gains now, (B, T, F)."""

    @abstractmethod
    def select(self, kept: Tensor) -> None:
        """Go on with the utterances `kept` (indices) only."""

    def objective(self) -> float:
        """The mean of the bounds, for the EM loop."""
        return float(self.bound().mean())
