"""The page on nodes says what the code says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dvae_nodes.pipelines.manual import fill, parts
from dvae_nodes.pipelines.table import PIPELINES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "nodes.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert fill(page) == page, "python -m dvae_nodes.pipelines.manual docs/nodes.md writes it anew"


def test_every_topic_and_parameter_stands_in_it() -> None:
    page = PAGE.read_text()
    for pipeline in PIPELINES:
        for declared in (*pipeline.inputs, *pipeline.outputs):
            assert f"| `{declared.topic.name}` |" in page
        for config in pipeline.configs:
            for field in dataclasses.fields(config):
                assert f"| `{field.name}` |" in parts()[pipeline.name]


def test_a_part_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected a place for the generated part 'tracker', found none"):
        fill(PAGE.read_text().replace("<!-- tracker: generated -->", ""))
