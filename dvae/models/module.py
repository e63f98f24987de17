"""The base of models that can be stored: a torch module built from one frozen dataclass."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from dvae.configuration import from_mapping

Module = TypeVar("Module", bound="ConfiguredModule")


class ConfiguredModule(nn.Module):
    """Subclasses have `Config`, a frozen dataclass, and take an instance of it, kept as `config`."""

    Config: ClassVar[type]
    config: Any


def configured(model_class: type[Module], settings: Mapping[str, Any]) -> Module:
    """A fresh model; ValueError for settings of another kind, and for sizes that this machine's memory does not hold,
    before any of it is taken."""
    config: Any = from_mapping(model_class.Config, settings)
    try:
        with torch.device("meta"):
            num_bytes = sum(4 * parameter.numel() for parameter in model_class(config).parameters())
    except (RuntimeError, TypeError, OverflowError) as error:  # sizes that no tensor has
        raise ValueError(f"{model_class.__name__}: {str(error).splitlines()[0]}") from error
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if num_bytes > memory:
        raise ValueError(
            f"expected a {model_class.__name__} that fits into {memory / 1e9:.0f} GB of memory, got one of "
            f"{num_bytes / 1e9:.0f} GB"
        )
    return model_class(config)
