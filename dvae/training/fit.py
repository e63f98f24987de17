"""Run a recipe with Lightning: best weights exported as they are found, resumable after a kill."""

from __future__ import annotations

import ctypes
import importlib
import logging
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from dvae.files import make_folder, write_whole
from dvae.models.store.checkpoint import save_model
from dvae.threads import use_one_thread
from dvae.training.card import model_card
from dvae.training.recipe import Optimisation, Recipe
from dvae.training.state import WholeCheckpoints, check_state, state_to_resume
from dvae.training.task import Datasets, SeededBatches, Task

MONITOR = "valid/loss"


class ExportBest(lightning.Callback):
    """Copies the weights to `folder` each time the validation loss is the best so far."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.best, self.epoch, self.minutes = math.inf, -1, 0.0
        self.started = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "epoch": self.epoch, "minutes": self._total_minutes()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.epoch, self.minutes = state_dict["best"], state_dict["epoch"], state_dict["minutes"]

    def _total_minutes(self) -> float:
        return self.minutes + (time.monotonic() - self.started) / 60

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        broken = [name for name, value in metrics.items() if not math.isfinite(value)]
        if broken:
            raise ValueError(
                f"epoch {trainer.current_epoch}: expected finite values, got {metrics[broken[0]]} for {broken[0]}; "
                f"the best model so far is in {self.folder}. A smaller optimisation.learning_rate may help"
            )
        if trainer.sanity_checking or not metrics[MONITOR] < self.best or not trainer.is_global_zero:
            return
        self.best, self.epoch = metrics[MONITOR], trainer.current_epoch
        facts = {
            "recipe": self.recipe.name,
            "data": self.recipe.data.facts(),
            "options": list(self.recipe.options),
            "epoch": self.epoch + 1,
            "epochs_planned": self.recipe.optimisation.epochs,
            "frames_seen": (self.epoch + 1) * self.recipe.optimisation.frames_per_epoch,
            "training_minutes": round(self._total_minutes(), 1),
            "metrics": {name: round(value, 4) for name, value in metrics.items() if name.startswith("valid/")},
        }
        assert isinstance(module, Task)
        save_model(module.model, self.folder, facts)
        write_whole(self.folder / "MODEL_CARD.md", model_card(self.recipe, facts, module.model).encode())


class DataPosition(lightning.Callback):
    """Tells the data which epoch it is, so that every epoch, resumed or not, has its own crops, and which rows of each
    batch this process computes."""

    def __init__(self, datasets: Datasets) -> None:
        self.datasets = datasets

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        for dataset in self.datasets:
            assert isinstance(dataset, SeededBatches)
            dataset.rank, dataset.world_size = trainer.global_rank, trainer.world_size

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(self.datasets.train, SeededBatches)
        self.datasets.train.epoch = trainer.current_epoch


class Hardware(NamedTuple):
    """On what to train."""

    device: str = "auto"  # auto, cpu or gpu
    devices: int = 1  # of each machine
    nodes: int = 1

    @property
    def processes(self) -> int:
        """One for each device of each machine."""
        return self.devices * self.nodes


ANY_HARDWARE = Hardware()


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks for the next batch: giving their pages back and faulting them in again took
    most of a training step of the enhancer (2.8 times more frames a second without it). Other systems need nothing."""
    trim_threshold, mmap_max = -1, -4  # of malloc.h
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, -1)


def check_hardware(hardware: Hardware, options: Optimisation) -> None:
    """ValueError when this machine has no such devices, they cannot calculate so, or a batch cannot be shared."""
    if hardware.devices < 1 or hardware.nodes < 1:
        raise ValueError(f"expected one device and one node or more, got {hardware.devices} and {hardware.nodes}")
    if options.batch_size % hardware.processes:
        raise ValueError(
            f"expected a number of devices that divides optimisation.batch_size = {options.batch_size}, "
            f"got {hardware.processes}"
        )
    found = torch.cuda.device_count()
    if hardware.device == "gpu" and found < hardware.devices:
        raise ValueError(f"expected {hardware.devices} CUDA GPU(s), found {found}; --device cpu or auto go without")
    if hardware.device == "auto" and found and found < hardware.devices:
        raise ValueError(f"expected {hardware.devices} CUDA GPU(s), found {found}")
    if options.precision == "16-mixed" and (hardware.device == "cpu" or not found):
        raise ValueError("expected a GPU for optimisation.precision = 16-mixed, found none; bf16-mixed works on a CPU")


def make_trainer(recipe: Recipe, datasets: Datasets, output: Path, work: Path, hardware: Hardware) -> lightning.Trainer:
    """Lightning's trainer, which exports the best weights to `output` and keeps logs and state in `work`."""
    options, batches = recipe.optimisation, recipe.optimisation.batches_per_epoch
    return lightning.Trainer(
        accelerator=hardware.device,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy="ddp" if hardware.processes > 1 else "auto",
        use_distributed_sampler=False,  # SeededBatches gives each process its rows
        deterministic="warn",
        precision=options.precision,  # type: ignore[arg-type]
        max_epochs=options.epochs,
        gradient_clip_val=options.gradient_clip,
        logger=[CSVLogger(work, name="log"), TensorBoardLogger(work, name="tensorboard")],
        callbacks=[
            ExportBest(recipe, output),
            DataPosition(datasets),
            EarlyStopping(MONITOR, patience=options.patience, check_on_train_epoch_end=False),
            ModelCheckpoint(work, filename="last", save_top_k=1, every_n_epochs=1, enable_version_counter=False),
            TQDMProgressBar(refresh_rate=max(1, batches // 20)),
        ],
        num_sanity_val_steps=0,
        log_every_n_steps=batches,
        enable_model_summary=False,
        plugins=[WholeCheckpoints()],
    )


def fit(
    recipe: Recipe, data_root: Path | None, output: Path, work: Path, resume: bool, hardware: Hardware = ANY_HARDWARE
) -> bool:
    """Train; the best model so far is always in `output`, the state to resume from in `work`.

    With several devices, each computes its share of every batch, so that the recipe means the same. Returns whether
    this is the first process.
    """
    options = recipe.optimisation
    check_hardware(hardware, options)
    state = state_to_resume(work, resume)
    keep_freed_memory()
    use_one_thread()  # of the compiled recursions, whose products are small
    torch.set_num_threads(options.num_threads)
    lightning.seed_everything(options.seed, verbose=False)
    task: Task
    datasets: Datasets
    task, datasets = importlib.import_module(f"dvae.training.{recipe.task}").build(recipe, data_root)
    if state is not None:
        check_state(state, task)
    for folder in (output, work):
        make_folder(folder)  # an error now, and not after an epoch
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = make_trainer(recipe, datasets, output, work, hardware)
    train = DataLoader(datasets.train, batch_size=None, num_workers=options.num_workers)
    valid = DataLoader(datasets.valid, batch_size=None)
    trainer.fit(task, train, valid, ckpt_path=state, weights_only=True if resume else None)
    return trainer.is_global_zero
