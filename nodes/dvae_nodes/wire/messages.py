"""Message classes by name, from a live ROS or from a bag's type store: conversions build both the same way."""

from __future__ import annotations

import array
import dataclasses
import importlib
from collections.abc import Mapping
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


# Where the text of messages lies, in the source tree and below share/dvae_perception, and the package it is of.
# What lies in the last two is of another release, or another package of the same name.
FOLDERS = {
    "msg": "dvae_perception",
    "interfaces/vision_msgs/msg": "vision_msgs",
    "interfaces/hri_msgs/msg": "hri_msgs",
    "interfaces/audio_common_msgs/msg": "audio_common_msgs",
    "interfaces/audio_common_msgs_portaudio/msg": "audio_common_msgs",
    "interfaces/vision_msgs_foxy/msg": "vision_msgs",
}
PUBLISHED = tuple(FOLDERS)[:3]  # of the types of our results


class BagTypes:
    """The types of a rosbags store, with those of our results registered where they are missing."""

    def __init__(self, store: Any) -> None:
        self.store = store
        has_detections = "vision_msgs/msg/Detection2DArray" in store.types  # perhaps those of another release
        for folder in PUBLISHED:
            if not (has_detections and FOLDERS[folder] == "vision_msgs"):
                register_new(store, definitions_in(folder))

    def make(self, name: str, **fields: Any) -> Any:
        return self.store.types[name](**fields)

    def numbers(self, values: NDArray[Any]) -> Any:
        return np.ascontiguousarray(values)

    def fields_of(self, name: str) -> tuple[str, ...]:
        found = self.store.types.get(name)
        return tuple(field.name for field in dataclasses.fields(found)) if found else ()


def definitions_in(folder: str) -> dict[str, Any]:
    """The definitions of one of FOLDERS, as rosbags registers them."""
    from rosbags.typesys import get_types_from_msg

    from dvae.models.store.find import share_folders

    for share in share_folders():
        if all((share / each).is_dir() for each in FOLDERS):
            found: dict[str, Any] = {}
            for path in sorted((share / folder).glob("*.msg")):
                found |= get_types_from_msg(path.read_text(), f"{FOLDERS[folder]}/msg/{path.stem}")
            return found
    raise ValueError(f"expected {', '.join(FOLDERS)} below share/dvae_perception; found none with all of them")


def register_new(store: Any, definitions: Mapping[str, Any]) -> None:
    """Add those that a rosbags store does not have; rosbags' TypesysError where one cannot be."""
    added = {name: definition for name, definition in definitions.items() if name not in store.fielddefs}
    if added:
        store.register(added)
