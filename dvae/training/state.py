"""The state from which a run goes on: written all or nothing, and looked at before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from dvae.files import whole_file
from dvae.models.store.checkpoint import check_shapes
from dvae.training.task import Task

KEYS = ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks")


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's, but all or nothing: what it writes itself passes through another folder, maybe of another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """The state to `path`; OSError when that cannot be written."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(Path(path)) as stream:
            torch.save(checkpoint, stream)


def state_to_resume(work: Path, resume: bool) -> Path | None:
    """The state of the run in `work` when it goes on; ValueError when it is not there, or there against expectation."""
    last = work / "last.ckpt"
    if resume and not last.is_file():
        raise ValueError(f"--resume: expected {last}, which does not exist; start without --resume")
    if last.is_file() and not resume:
        raise ValueError(f"expected a fresh work folder, got {work} with a run in it; --resume goes on with that run")
    return last if resume else None


def check_state(last: Path, task: Task) -> None:
    """ValueError when the state in `last` is damaged, or not of this task."""
    try:
        state = torch.load(last, map_location="cpu", weights_only=True)
        missing = [key for key in KEYS if key not in state]
    except Exception as error:  # a damaged pickle raises anything
        reason = str(error).partition("\n")[0]
        raise ValueError(f"--resume: {last} is damaged ({reason}); --work FOLDER starts anew elsewhere") from error
    try:
        if missing:
            raise ValueError(f"no {missing[0]}")
        check_shapes({name: tensor.shape for name, tensor in task.state_dict().items()}, state["state_dict"])
    except ValueError as error:
        raise ValueError(f"--resume: {last} is the state of another recipe: {error}") from error
