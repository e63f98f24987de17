"""Deep dynamical generative models for tracking people and enhancing speech (never imports ROS).

What most users need has its name here, imported when it is first asked for, so that the enhancer needs no torch:
`OnlineTracker`, `StreamingEnhancer` and `load_model`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvae.enhancement.streaming import StreamingEnhancer
    from dvae.models.store.registry import load_model
    from dvae.tracking.online import OnlineTracker

__version__ = "0.1.0"
__all__ = ["OnlineTracker", "StreamingEnhancer", "load_model"]

_HOMES = {
    "OnlineTracker": "dvae.tracking.online",
    "StreamingEnhancer": "dvae.enhancement.streaming",
    "load_model": "dvae.models.store.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
