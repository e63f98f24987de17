"""ROS parameters from the frozen dataclasses of the library: the one schema of node, command line and YAML.

ROS itself ends the process for `max_missed_seconds: 3`, an integer where the default is 3.0, so parameters take a value
of any type, and the schema judges it: a number that fits is taken, another value is an error that names the parameter.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Sequence
from typing import Any, TypeVar, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from dvae.configuration import check_setting, from_mapping
from dvae_nodes.lifecycle.pipeline import Settings

Config = TypeVar("Config")
LARGE = 1e12  # a ROS range needs two ends


def descriptor(field: dataclasses.Field[Any], kind: type) -> ParameterDescriptor:
    """Description with unit, range, choices and whether the parameter may change while the node is active."""
    meta = field.metadata
    text = meta["description"] + (f" [{meta['unit']}]" if meta["unit"] else "")
    if meta["choices"]:
        text += f"; one of {', '.join(meta['choices'])}"
    text += "" if meta["live"] else "; fixed once the node is configured"
    found = ParameterDescriptor(description=text, dynamic_typing=True)
    low, high = meta["minimum"], meta["maximum"]
    if kind in (int, float) and (math.isfinite(low) or math.isfinite(high)):
        low, high = max(low, -LARGE), min(high, LARGE)
        if kind is int:
            found.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
        else:
            found.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    return found


def declare(node: Node, field: dataclasses.Field[Any], kind: type) -> None:
    """Declare a field as a parameter. A value that does not fit is kept, for `get` to refuse it: the node lives, and
    can be told a better one."""
    full = descriptor(field, kind)
    open_to_all = ParameterDescriptor(description=full.description, dynamic_typing=True)
    value = node.declare_parameter(field.name, field.default, open_to_all).value
    try:
        check_setting(field, kind, value)
    except ValueError:
        return
    node.set_descriptor(field.name, full)


class ConfiguredParameters:
    """Declares the fields of several dataclasses as parameters of `node` and reads them back.

    `is_configured` tells whether fields that are not `live` are frozen; `changed` is set by a live change, for the node
    to take over before its next message (older distributions have no callback after a change).
    """

    def __init__(self, node: Node, configs: Sequence[type], is_configured: Any) -> None:
        self._node, self._configs, self._is_configured, self.changed = node, configs, is_configured, False
        self._fields: dict[str, tuple[dataclasses.Field[Any], type]] = {}
        for config in configs:
            kinds = get_type_hints(config)
            for field in dataclasses.fields(config):
                self._fields[field.name] = (field, kinds[field.name])
                declare(node, field, kinds[field.name])
        node.add_on_set_parameters_callback(self._check)

    def get(self, config: type[Config]) -> Config:
        """The present values as an instance of `config`; ValueError names a value that does not fit."""
        names = [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]
        return from_mapping(config, {name: self._node.get_parameter(name).value for name in names})

    def settings(self) -> Settings:
        """The present values of all of them."""
        return Settings(*(self.get(config) for config in self._configs))

    def misspelt(self) -> list[str]:
        """What to say of parameters that were given to the node, that it does not have, and that look like one of its
        own. (Others may be meant for another node: a file can give its parameters to all of a process.)"""
        given: dict[str, Any] = getattr(self._node, "_parameter_overrides", {})  # rclpy tells them nowhere else
        known = [parameter.name for parameter in self._node.get_parameters_by_prefix("").values()]
        nearest = {name: difflib.get_close_matches(name, known, n=1, cutoff=0.8) for name in given}
        return [
            f"parameter {name}: there is none of this name, it is ignored; the nearest is {near[0]}"
            for name, near in sorted(nearest.items())
            if near and near[0] != name
        ]

    def _check(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name not in self._fields:
                continue
            field, kind = self._fields[parameter.name]
            if self._is_configured() and not field.metadata["live"]:
                reason = f"{parameter.name} is fixed once the node is configured: clean it up first"
                return SetParametersResult(successful=False, reason=reason)
            try:
                check_setting(field, kind, parameter.value)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
            self.changed = True
        return SetParametersResult(successful=True)
