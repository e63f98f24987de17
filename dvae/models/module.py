"""The base of models that can be stored: a torch module built from one frozen dataclass."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn


class ConfiguredModule(nn.Module):
    """Subclasses have `Config`, a frozen dataclass, and take an instance of it, kept as `config`."""

    Config: ClassVar[type]
    config: Any
