"""Message classes by name, from a live ROS or from a bag's type store: conversions build both the same way."""

from __future__ import annotations

import array
import dataclasses
import importlib
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Output(NamedTuple):
    """A message of `type` (package/msg/Type) for `topic`, relative to a namespace unless it begins with "/"."""

    topic: str
    type: str
    message: Any


class MessageTypes(Protocol):
    """Builds messages. `name` is like "std_msgs/msg/Header"; all fields are given by keyword."""

    def make(self, name: str, **fields: Any) -> Any:
        """A message of type `name`."""

    def numbers(self, values: NDArray[Any]) -> Any:
        """A sequence of numbers as a message field."""

    def fields_of(self, name: str) -> tuple[str, ...]:
        """Field names of a type, empty when there is no such type."""


def message_class(name: str) -> Any:
    """The generated Python class of package/msg/Type; ImportError or AttributeError where it is not installed."""
    package, _, message = name.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), message)


class LiveTypes:
    """The generated Python classes of a sourced ROS."""

    def make(self, name: str, **fields: Any) -> Any:
        return message_class(name)(**fields)

    def numbers(self, values: NDArray[Any]) -> Any:
        """A thousand times faster for rclpy than a numpy array."""
        return array.array(values.dtype.char if values.dtype.char in "bBhHiIfd" else "d", values.tobytes())

    def fields_of(self, name: str) -> tuple[str, ...]:
        try:
            return tuple(message_class(name).get_fields_and_field_types())
        except (ImportError, AttributeError):
            return ()


class BagTypes:
    """The types of a rosbags store, with those of a bag, ours, vision_msgs and hri_msgs registered where they are
    missing."""

    def __init__(self, store: Any, bag_store: Any = None) -> None:
        self.store = store
        if bag_store is not None:
            store.register(
                {name: fields for name, fields in bag_store.fielddefs.items() if name not in store.fielddefs}
            )
        register_missing_types(store)

    def make(self, name: str, **fields: Any) -> Any:
        return self.store.types[name](**fields)

    def numbers(self, values: NDArray[Any]) -> Any:
        return np.ascontiguousarray(values)

    def fields_of(self, name: str) -> tuple[str, ...]:
        found = self.store.types.get(name)
        return tuple(field.name for field in dataclasses.fields(found)) if found else ()


def message_folders() -> dict[str, Path]:
    """Where the text of the messages lies: in the source tree, or installed under share/dvae_perception."""
    from dvae.models.store.find import share_folders

    for share in share_folders():
        folders = {"dvae_perception": share / "msg"}
        folders |= {name: share / "interfaces" / name / "msg" for name in ("vision_msgs", "hri_msgs")}
        if all(folder.is_dir() for folder in folders.values()):
            return folders
    raise ValueError("expected msg/ and interfaces/*/msg/ below share/dvae_perception; found neither")


def register_missing_types(store: Any) -> None:
    """Add our messages, and those of others that the bag does not define, to a rosbags type store."""
    from rosbags.typesys import get_types_from_msg

    added: dict[str, Any] = {}
    for package, folder in message_folders().items():
        for path in sorted(folder.glob("*.msg")):
            name = f"{package}/msg/{path.stem}"
            if name not in store.types:
                added.update(get_types_from_msg(path.read_text(), name))
    if added:
        store.register(added)
