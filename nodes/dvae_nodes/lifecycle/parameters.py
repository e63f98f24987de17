"""ROS parameters from the frozen dataclasses of the library: the one schema of node, command line and YAML."""

from __future__ import annotations

import dataclasses
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
    found = ParameterDescriptor(description=text)
    low, high = meta["minimum"], meta["maximum"]
    if kind in (int, float) and (math.isfinite(low) or math.isfinite(high)):
        low, high = max(low, -LARGE), min(high, LARGE)
        if kind is int:
            found.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
        else:
            found.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    return found


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
                node.declare_parameter(field.name, field.default, descriptor(field, kinds[field.name]))
        node.add_on_set_parameters_callback(self._check)

    def get(self, config: type[Config]) -> Config:
        """The present values as an instance of `config`; ValueError names a value that does not fit."""
        names = [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]
        return from_mapping(config, {name: self._node.get_parameter(name).value for name in names})

    def settings(self) -> Settings:
        """The present values of all of them."""
        return Settings(*(self.get(config) for config in self._configs))

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
