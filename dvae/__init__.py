"""Deep dynamical generative models for tracking people and enhancing speech (never imports ROS).

What most users need has its name here, imported when it is first asked for, so that the enhancer needs no torch:
`OnlineTracker`, `SpeakerFinder`, `StreamingEnhancer` and `load_model`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvae.audiovisual.speakers import SpeakerFinder as SpeakerFinder
    from dvae.enhancement.streaming import StreamingEnhancer as StreamingEnhancer
    from dvae.models.store.registry import load_model as load_model
    from dvae.tracking.online import OnlineTracker as OnlineTracker

__version__ = "0.1.0"

_HOMES = {  # no __all__: pdoc would leave out the modules below
    "OnlineTracker": "dvae.tracking.online",
    "SpeakerFinder": "dvae.audiovisual.speakers",
    "StreamingEnhancer": "dvae.enhancement.streaming",
    "load_model": "dvae.models.store.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
