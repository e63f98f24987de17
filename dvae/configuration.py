"""One schema per algorithm: a frozen dataclass whose fields carry unit, range and meaning.

The same schema is read by the YAML recipes, the command lines and the ROS parameters, so a default or a
range is written once.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar("Config")
REQUIRED: Any = dataclasses.MISSING  # as the default of a setting: it has to be given


def setting(
    default: Any,
    description: str,
    *,
    unit: str = "",
    minimum: float = -math.inf,
    maximum: float = math.inf,
    choices: tuple[str, ...] = (),
    live: bool = False,
) -> Any:
    """A documented dataclass field; `live` means that it may change while the algorithm runs."""
    metadata = {
        "description": description,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "live": live,
    }
    return dataclasses.field(default=default, metadata=metadata)


def check_setting(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    """Return `value` as the type of `field`; ValueError with expected and got when it does not fit.

    kind: bool, int, float, str, or tuple[KIND, ...] for a list of them, where one value stands for a list of one.
    """
    if get_origin(kind) is tuple:
        (item, _), values = get_args(kind), value if isinstance(value, (list, tuple)) else [value]
        return tuple(check_setting(field, item, each) for each in values)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{field.name}: expected {kind.__name__}, got {value!r}")
    low, high = field.metadata.get("minimum", -math.inf), field.metadata.get("maximum", math.inf)
    if kind in (int, float) and not low <= value <= high:
        raise ValueError(f"{field.name}: expected a value in [{low:g}, {high:g}], got {value!r}")
    choices = field.metadata.get("choices", ())
    if choices and value not in choices:
        raise ValueError(f"{field.name}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def unknown_key(key: str, owner: str, known: Iterable[str]) -> str:
    """What is said of a key that `owner` does not have: the nearest of those that it has."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.0)
    return f"unknown key {key!r} for {owner}" + (
        f"; the nearest valid key is {near[0]!r}" if near else ", which has none"
    )


def from_mapping(config: type[Config], values: Mapping[str, Any]) -> Config:
    """Build the frozen dataclass `config` from `values`, checking each type and range.

    An unknown key is an error that names the key and the nearest valid one; so is a missing one without default.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    kinds = get_type_hints(config)
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            raise ValueError(unknown_key(str(key), config.__name__, fields))
        checked[key] = check_setting(fields[key], kinds[key], value)
    for name, field in fields.items():
        if name not in checked and field.default is REQUIRED and field.default_factory is REQUIRED:
            raise ValueError(f"missing key {name!r} for {config.__name__}: {field.metadata.get('description', '')}")
    return config(**checked)
