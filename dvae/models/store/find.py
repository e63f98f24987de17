"""Where the shipped models are: next to the source, or installed under share/dvae_perception."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def share_folders() -> list[Path]:
    """Folders that may hold models/, msg/ and config/, the source tree first."""
    package = Path(__file__).resolve().parents[2]
    prefixes = [*package.parents[:5], *map(Path, filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(":")))]
    installed = [prefix / "share" / "dvae_perception" for prefix in [*prefixes, Path(sys.prefix)]]
    return [folder for folder in [package.parent, *installed] if (folder / "models").is_dir()]


def find_model(name: str | Path, presets: Mapping[str, str] | None = None) -> Path:
    """The folder of model `name`: a preset (-> name of a shipped model), a path as it is, else a shipped model.
    ValueError with all that there are."""
    name = (presets or {}).get(str(name), name)
    direct = Path(os.path.expanduser(name))
    if str(name) and direct.is_dir():
        return direct
    places = [folder / "models" for folder in share_folders()]
    for place in places:
        if (place / name).is_dir():
            return place / name
    shipped = sorted({path.name for place in places for path in place.iterdir() if path.is_dir()})
    known = [*(presets or {}), *shipped]
    raise ValueError(
        f"expected a model folder or one of {', '.join(known) or 'no installed models'}, got {str(name)!r}"
    )
