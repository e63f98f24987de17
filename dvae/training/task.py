"""What every training task shares: optimiser, schedule, KL warm-up, logging. One task per model, one file each."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, NamedTuple

import lightning
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dvae.models.module import ConfiguredModule
from dvae.training.recipe import Optimisation

Batch = tuple[Tensor, ...]


class Datasets(NamedTuple):
    """Each item is one ready batch."""

    train: Dataset[Batch]
    valid: Dataset[Batch]


class SeededBatches(Dataset[Batch]):
    """Batch i of epoch e depends on (seed, e, i) alone, so that a resumed run sees what an unbroken one would."""

    def __init__(self, num_batches: int, seed: int) -> None:
        self.num_batches, self.seed, self.epoch = num_batches, seed, 0

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> Batch:
        if not 0 <= index < self.num_batches:
            raise IndexError(index)
        return self.draw(index, self.seed + self.epoch * self.num_batches + index)

    @abstractmethod
    def draw(self, index: int, seed: int) -> Batch:
        """Batch `index` of the present epoch; `seed` is its own."""


class Task(lightning.LightningModule):
    """Fits `model`. `train_loss` may depend on the epoch (warm-up, sampling); `valid_loss` must not, so that the
    values of different epochs can be compared and the best weights are the best."""

    model: ConfiguredModule

    def __init__(self, model: ConfiguredModule, optimisation: Optimisation) -> None:
        super().__init__()
        self.model, self.optimisation = model, optimisation

    @abstractmethod
    def train_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Scalars to log; `loss` is minimised."""

    @abstractmethod
    def valid_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Scalars to log; `loss` chooses the best weights."""

    @property
    def beta(self) -> float:
        """KL weight now: linear warm-up to `optimisation.beta`."""
        warmup = self.optimisation.kl_warmup_epochs
        return self.optimisation.beta * (min(1.0, (self.current_epoch + 1) / warmup) if warmup else 1.0)

    def noise(self, shape: tuple[int, ...], seed: int) -> Tensor:
        """Standard normal noise that depends on `seed` only."""
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(self.device)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        values = self.train_loss(batch)
        self.log_dict({f"train/{name}": value for name, value in values.items()}, on_step=False, on_epoch=True)
        return values["loss"]

    def validation_step(self, batch: Batch, index: int) -> None:
        values = self.valid_loss(batch)
        self.log_dict({f"valid/{name}": value for name, value in values.items()}, prog_bar=True)

    def configure_optimizers(self) -> Any:
        options = self.optimisation
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimiser = torch.optim.Adam(parameters, lr=options.learning_rate, betas=(0.9, 0.99))

        def cosine(epoch: int) -> float:
            return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / options.epochs)))

        return [optimiser], [torch.optim.lr_scheduler.LambdaLR(optimiser, cosine)]
