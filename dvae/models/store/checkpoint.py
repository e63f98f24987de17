"""Pickle-free checkpoints: safetensors for the weights, YAML for everything else, a hash that ties them together."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from dvae.configuration import from_mapping
from dvae.files import write_whole
from dvae.models.module import ConfiguredModule
from dvae.models.store.find import find_model
from dvae.models.store.weights import NEW_WEIGHTS, WEIGHTS, name_new_weights, read_description

Model = TypeVar("Model", bound=ConfiguredModule)


def save_model(model: ConfiguredModule, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write `model.safetensors` and `model.yaml` (class, config, hash and `facts`) into `folder`.

    A kill at any moment leaves the model before or this one: new weights wait under another name, where they are found
    by their hash, until the description has changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save_tensors({name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()})
    description = {
        "class": type(model).__name__,
        "config": dataclasses.asdict(model.config),
        "sha256": hashlib.sha256(data).hexdigest(),
        **(facts or {}),
    }
    name_new_weights(folder)
    write_whole(folder / NEW_WEIGHTS, data)
    write_whole(folder / "model.yaml", yaml.safe_dump(description, sort_keys=False).encode())
    (folder / NEW_WEIGHTS).replace(folder / WEIGHTS)


def load_as(model_class: type[Model], name: str | Path) -> Model:
    """The model of that class called `name` (a folder, or a shipped model), in evaluation mode, its weights read-only.

    Raises ValueError naming the file when one is missing, damaged, or of another class.
    """
    folder = find_model(name)
    description, data = read_description(folder, model_class.__name__)
    try:
        config: Any = from_mapping(model_class.Config, description["config"])
        weights = load_tensors(data)
        with torch.device("meta"):  # shapes without memory, however large the configuration says they are
            expected = model_class(config).state_dict()
        check_shapes({name: tensor.shape for name, tensor in expected.items()}, weights)
        model = model_class(config)
        model.load_state_dict(weights)
    except (SafetensorError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{folder}: weights do not fit the configuration: {error}") from error
    model.eval()
    model.requires_grad_(False)
    return model


def check_shapes(expected: Mapping[str, tuple[int, ...]], weights: Mapping[str, torch.Tensor]) -> None:
    """ValueError with the first tensor that is not there, or has another shape, or is too much."""
    for name in [*expected, *weights]:
        found = tuple(weights[name].shape) if name in weights else None
        wanted = tuple(expected[name]) if name in expected else None
        if found != wanted:
            raise ValueError(f"{name}: expected {wanted or 'none'}, got {found or 'none'}")
