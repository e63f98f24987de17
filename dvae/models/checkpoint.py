"""Pickle-free checkpoints: safetensors for the weights, YAML for everything else, a hash that ties them together."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from dvae.configuration import from_mapping
from dvae.models.module import ConfiguredModule

Model = TypeVar("Model", bound=ConfiguredModule)


def write_atomically(path: Path, data: bytes) -> None:
    """Write through a temporary file, so that a reader or a crash never sees half a file."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


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
    write_atomically(folder / "model.safetensors", data)
    write_atomically(folder / "model.yaml", yaml.safe_dump(description, sort_keys=False).encode())


def load_model(model_class: type[Model], folder: Path) -> Model:
    """The model stored in `folder`, in evaluation mode, its weights read-only.

    Raises ValueError naming the file when one is missing, damaged, or of another class.
    """
    try:
        description = yaml.safe_load((folder / "model.yaml").read_text())
        data = (folder / "model.safetensors").read_bytes()
    except OSError as error:
        raise ValueError(f"expected a model folder with model.yaml and model.safetensors, got {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder / 'model.yaml'}: expected YAML, got {str(error).splitlines()[0]}") from error
    check_description(description, data, model_class, folder)
    try:
        model = model_class(from_mapping(model_class.Config, description["config"]))
        model.load_state_dict(load_tensors(data))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ValueError(f"{folder}: weights do not fit the configuration: {error}") from error
    model.eval()
    model.requires_grad_(False)
    return model


def check_description(description: Any, data: bytes, model_class: type, folder: Path) -> None:
    """ValueError when model.yaml is not for `model_class` or its hash is not that of the weights."""
    if not isinstance(description, dict) or not {"class", "config", "sha256"} <= description.keys():
        raise ValueError(
            f"{folder / 'model.yaml'}: expected the keys class, config and sha256, got {description!r:.80}"
        )
    if description["class"] != model_class.__name__:
        raise ValueError(f"{folder}: expected a model of class {model_class.__name__}, got {description['class']}")
    found = hashlib.sha256(data).hexdigest()
    if found != description["sha256"]:
        raise ValueError(
            f"{folder / 'model.safetensors'} is damaged: expected sha256 {description['sha256']}, got {found}"
        )
