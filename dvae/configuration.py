"""One schema per algorithm: a frozen dataclass whose fields carry unit, range and meaning.

The same schema is read by the YAML recipes, the command lines and the ROS parameters, so a default or a
range is written once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

MAX_YAML = 100_000  # characters of a YAML text, also once its aliases are written out
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
        with contextlib.suppress(OverflowError):  # of hundreds of digits
            value = float(value)
    if kind is str and type(value) is int:
        value = str(value)  # text of digits, such as the number of a channel, which YAML reads as a number
    if type(value) is not kind:
        raise ValueError(f"{field.name}: expected {kind.__name__}, got {shown(value)}")
    low, high = field.metadata.get("minimum", -math.inf), field.metadata.get("maximum", math.inf)
    if kind in (int, float) and not low <= value <= high:
        raise ValueError(f"{field.name}: expected a value in [{low:g}, {high:g}], got {shown(value)}")
    choices = field.metadata.get("choices", ())
    if choices and value not in choices:
        raise ValueError(f"{field.name}: expected one of {', '.join(choices)}, got {shown(value)}")
    return value


def shown(value: object) -> str:
    """A wrong value in a message: the beginning of a long one."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]} ..."


def read_yaml(path: Path) -> Any:
    """What the YAML file holds; OSError when it cannot be read, ValueError as `parse_yaml`, with its name."""
    with path.open("rb") as stream:
        data = stream.read(MAX_YAML + 1)  # not more: it may be anything
    try:
        return parse_yaml(data.decode())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_yaml(text: str) -> Any:
    """The plain values that a YAML text holds. ValueError, with the line where there is one, for what is no YAML, has
    values of other kinds than plain ones, contains itself, is nested deeper than Python can follow, or is longer than
    MAX_YAML characters, also once its aliases are written out ("a billion laughs")."""
    if len(text) > MAX_YAML:
        raise ValueError(f"expected YAML of at most {MAX_YAML:,} characters, got more")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        length = written_out(root, {})
        if length > MAX_YAML:
            raise ValueError(f"{length:,} of at most {MAX_YAML:,} characters once its aliases are written out")
        return None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise ValueError(f"expected YAML, got {error.problem or error.context}{line}") from error
    except RecursionError as error:
        raise ValueError("expected YAML, got one that is nested too deeply or contains itself") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"expected YAML, got {error}") from error  # those that are not YAML's come from odd tags


def written_out(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Characters of `node` when all that its aliases name is written out; `known`: those of the nodes so far, by
    identity, so that none is walked through twice. RecursionError if it contains itself."""
    if not isinstance(node, yaml.CollectionNode):
        return 0 if node is None else 1 + len(node.value)
    if id(node) not in known:
        is_mapping = isinstance(node, yaml.MappingNode)
        parts = [part for pair in node.value for part in pair] if is_mapping else node.value
        known[id(node)] = 2 + sum(written_out(part, known) for part in parts)
    return known[id(node)]


def unknown_key(key: str, owner: str, known: Iterable[str]) -> str:
    """What is said of a key that `owner` does not have: the nearest of those that it has."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.0)
    return f"unknown key {key!r} for {owner}" + (
        f"; the nearest valid key is {near[0]!r}" if near else ", which has none"
    )


def from_mapping(config: type[Config], values: Mapping[str, Any]) -> Config:
    """Build the frozen dataclass `config` from `values`, checking each type and range.

    An unknown key is an error that names the key and the nearest valid one; so is a missing one without default, or
    something that has no keys.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"expected keys and values for {config.__name__}, got {shown(values)}")
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
