"""What every training task shares: optimiser, schedule, KL warm-up, logging. One task per model, one file each."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from dvae.models.module import ConfiguredModule
from dvae.models.store.checkpoint import check_shapes
from dvae.training.recipe import Optimisation

Batch = tuple[Tensor, ...]


class Datasets(NamedTuple):
    """Each item is one ready batch."""

    train: Dataset[Batch]
    valid: Dataset[Batch]


class SeededBatches(Dataset[Batch]):
    """Batch i of epoch e depends on (seed, e, i) alone, so that a resumed run sees what an unbroken one would.

    Process `rank` of `world_size` gets every world_size-th sequence of each batch, so that a recipe means the same
    batch on any number of devices."""

    def __init__(self, num_batches: int, seed: int) -> None:
        self.num_batches, self.seed, self.epoch = num_batches, seed, 0
        self.rank, self.world_size = 0, 1

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> Batch:
        if not 0 <= index < self.num_batches:
            raise IndexError(index)
        batch = self.draw(index, self.seed + self.epoch * self.num_batches + index)
        return tuple(part[self.rank :: self.world_size] if part.ndim else part for part in batch)

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

    @property
    def sampling(self) -> float:
        """How far scheduled sampling has gone: 0 until its first epoch, 1 from its last on (or 0 without it)."""
        first, last = self.optimisation.sampling_start_epoch, self.optimisation.sampling_end_epoch
        return min(1.0, max(0.0, (self.current_epoch - first) / max(1, last - first))) if last else 0.0

    def noise(self, shape: tuple[int, ...], seed: int) -> Tensor:
        """Standard normal noise that depends on `seed` only; each of several processes gets its rows."""
        whole = (shape[0] * self.trainer.world_size, *shape[1:])
        return self._own(torch.randn(whole, generator=torch.Generator().manual_seed(seed)))

    def chosen(self, shape: tuple[int, ...], fraction: float, seed: int) -> Tensor:
        """True in about `fraction` of the places, which depend on `seed` only; rows as in `noise`."""
        whole = (shape[0] * self.trainer.world_size, *shape[1:])
        return self._own(torch.rand(whole, generator=torch.Generator().manual_seed(seed)) < fraction)

    def _own(self, whole: Tensor) -> Tensor:
        return whole[self.trainer.global_rank :: self.trainer.world_size].to(self.device)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        values = self.train_loss(batch)
        named = {f"train/{name}": value for name, value in values.items()}
        self.log_dict(named, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)
        return values["loss"]

    def validation_step(self, batch: Batch, index: int) -> None:
        values = self.valid_loss(batch)
        named = {f"valid/{name}": value for name, value in values.items()}
        self.log_dict(named, prog_bar=True, sync_dist=True, batch_size=1)

    def configure_optimizers(self) -> Any:
        options = self.optimisation
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimiser = torch.optim.Adam(parameters, lr=options.learning_rate, betas=(0.9, 0.99))

        def cosine(epoch: int) -> float:
            rise = min(1.0, (epoch + 1) / (options.learning_rate_warmup_epochs + 1))
            return rise * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / options.epochs))))

        return [optimiser], [torch.optim.lr_scheduler.LambdaLR(optimiser, cosine)]


def load_into(part: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Give `part` of a model these weights; ValueError, which names `source`, when they have other shapes."""
    try:
        check_shapes({name: tensor.shape for name, tensor in part.state_dict().items()}, weights)
    except ValueError as error:
        raise ValueError(f"{source}: its weights do not fit the model of the recipe: {error}") from error
    part.load_state_dict(weights)


def start_from(model: ConfiguredModule, start: ConfiguredModule) -> None:
    """Give `model` the weights of `start`; ValueError when they are not of one class and configuration."""
    if start.config != model.config or type(start) is not type(model):
        raise ValueError(
            f"data.start: expected a {type(model).__name__} of {model.config}, got {type(start).__name__} of "
            f"{start.config}"
        )
    model.load_state_dict(start.state_dict())
