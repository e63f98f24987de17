"""How many frames a second each task trains on, and where the time of a step goes.

A step is what `dvae-train` does: a batch is drawn, the loss, its gradient, the clipped step of Adam. Times are CPU
seconds of one thread, the median over the steps after the first, so that other programs count little. The data are
synthetic, written to a temporary folder, unless --data is a folder with those that the recipes name.

    python bench/training/speed.py [--recipes NAME ...] [--set SECTION.KEY=VALUE ...] [--data FOLDER] [--steps 10]
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import logging
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import lightning
import numpy as np
import torch

from dvae.evaluation.table import Table
from dvae.signal.audio_file import write_audio
from dvae.threads import use_one_thread
from dvae.training.fit import keep_freed_memory
from dvae.training.recipe import Recipe, find_recipe, load_recipe
from dvae.training.task import SeededBatches, Task

RECIPES = ("speech_rvae", "speech_srnn", "speech_hit_dvae_small", "speech_enhancer", "speech_nd_nolv", "motion_srnn")


class StepTime(NamedTuple):
    """Seconds of the parts of a training step."""

    data: float
    forward: float
    backward: float
    optimiser: float


def write_synthetic(folder: Path) -> None:
    """Gliding buzzes with pauses for `speech`, coloured noise for `noise`: 16 files of 12 s each."""
    rng, time_axis = np.random.default_rng(0), np.arange(12 * 16000) / 16000
    for i in range(16):
        pitch = 100 + 10 * i + 30 * np.sin(2 * np.pi * rng.uniform(0.2, 1.0) * time_axis)
        buzz = (np.cumsum(pitch) / 16000 % 1.0 - 0.5) * np.clip(np.sin(2 * np.pi * 1.5 * time_axis + i), 0.0, None)
        spectrum = np.fft.rfft(rng.standard_normal(time_axis.size))
        noise = np.fft.irfft(spectrum / np.arange(1, spectrum.size + 1) ** rng.uniform(0.0, 0.7))
        for kind, waveform in (("speech", buzz), ("noise", noise)):
            (folder / kind).mkdir(exist_ok=True)
            scaled = 0.3 * waveform / np.abs(waveform).max()
            write_audio(folder / kind / f"{i}.wav", scaled.astype(np.float32), 16000)


def on_synthetic(recipe: Recipe, folder: Path) -> Recipe:
    """The same recipe, its speech and noise from `folder`, without rooms or patterns of file names."""
    changes: dict[str, object] = {}
    for field in dataclasses.fields(recipe.data):
        kind, _, rest = field.name.partition("_")
        if kind in ("speech", "noise") and rest in ("train", "valid"):
            changes[field.name] = (str(folder / kind),)
        elif rest.startswith(("train", "valid")):
            changes[field.name] = field.default
    return dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, **changes))


def measure(task: Task, batches: SeededBatches, num_steps: int) -> StepTime:
    """The median time of each part; the step before the first is not counted."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(accelerator="cpu", **quiet)
    trainer.training, task.trainer = True, trainer
    task.train()
    (optimiser,), _ = task.configure_optimizers()
    times = []
    for i in range(num_steps + 1):
        stamps = [time.thread_time()]
        batch = batches[i % len(batches)]
        stamps.append(time.thread_time())
        loss = task.train_loss(batch)["loss"]
        stamps.append(time.thread_time())
        optimiser.zero_grad()
        loss.backward()
        stamps.append(time.thread_time())
        torch.nn.utils.clip_grad_norm_(task.parameters(), task.optimisation.gradient_clip)
        optimiser.step()
        stamps.append(time.thread_time())
        times.append(np.diff(stamps))
    return StepTime(*np.median(times[1:], axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=RECIPES, metavar="NAME")
    parser.add_argument("--set", nargs="+", default=(), metavar="SECTION.KEY=VALUE", dest="changes")
    parser.add_argument("--data", type=Path, help="folder with the data that the recipes name")
    parser.add_argument("--steps", type=int, default=10)
    arguments = parser.parse_args()
    use_one_thread()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    keep_freed_memory()
    table = Table(
        "{recipe:28} {batch:>11} {frames/s:9.0f}" + "".join(f"{{{name} ms:14.1f}}" for name in StepTime._fields)
    )
    print(table.header)
    with tempfile.TemporaryDirectory() as name:
        write_synthetic(Path(name))
        for recipe in (load_recipe(find_recipe(each), arguments.changes) for each in arguments.recipes):
            torch.manual_seed(recipe.optimisation.seed)
            prepared = recipe if arguments.data else on_synthetic(recipe, Path(name))
            task, datasets = importlib.import_module(f"dvae.training.{recipe.task}").build(prepared, arguments.data)
            times = measure(task, datasets.train, arguments.steps)
            options = recipe.optimisation
            rate = options.batch_size * options.num_frames / sum(times)
            size = f"{options.batch_size} x {options.num_frames}"
            print(table.row(recipe.name, size, rate, *(1000 * each for each in times)), flush=True)


if __name__ == "__main__":
    main()
