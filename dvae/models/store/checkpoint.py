"""Pickle-free checkpoints: safetensors for the weights, YAML for everything else, a hash that ties them together."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from dvae.configuration import from_mapping
from dvae.files import write_whole
from dvae.models.module import ConfiguredModule
from dvae.models.store.find import find_model
from dvae.models.store.weights import read_description

Model = TypeVar("Model", bound=ConfiguredModule)


def save_model(model: ConfiguredModule, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write `model.safetensors` and `model.yaml` (class, config, hash and `facts`) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save_tensors({name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()})
    description = {
        "class": type(model).__name__,
        "config": dataclasses.asdict(model.config),
        "sha256": hashlib.sha256(data).hexdigest(),
        **(facts or {}),
    }
    write_whole(folder / "model.safetensors", data)
    write_whole(folder / "model.yaml", yaml.safe_dump(description, sort_keys=False).encode())


def load_as(model_class: type[Model], name: str | Path) -> Model:
    """The model of that class called `name` (a folder, or a shipped model), in evaluation mode, its weights read-only.

    Raises ValueError naming the file when one is missing, damaged, or of another class.
    """
    folder = find_model(name)
    description, data = read_description(folder, model_class.__name__)
    try:
        model = model_class(from_mapping(model_class.Config, description["config"]))
        model.load_state_dict(load_tensors(data))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ValueError(f"{folder}: weights do not fit the configuration: {error}") from error
    model.eval()
    model.requires_grad_(False)
    return model
