"""The topics of all pipelines as a table: `python -m dvae_nodes.pipelines.table` prints it as Markdown, without ROS."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from dvae_nodes.lifecycle.pipeline import Pipeline
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.enhancer import EnhancerPipeline
from dvae_nodes.pipelines.overlay import OverlayPipeline
from dvae_nodes.pipelines.speakers import SpeakersPipeline
from dvae_nodes.pipelines.tracker import TrackerPipeline

PIPELINES: tuple[type[Pipeline], ...] = (
    DetectorPipeline,
    TrackerPipeline,
    EnhancerPipeline,
    SpeakersPipeline,
    OverlayPipeline,
)


class Row(NamedTuple):
    """One topic of one pipeline. direction: reads or publishes; when: the setting that turns it on, or empty."""

    pipeline: str
    direction: str
    topic: str
    types: tuple[str, ...]
    when: str
    latched: bool
    meaning: str


def topic_rows(pipelines: Sequence[type[Pipeline]] = PIPELINES) -> list[Row]:
    """What the pipelines declare."""
    rows: list[Row] = []
    for pipeline in pipelines:
        declared = [("reads", (entry.topic, entry.when, entry.meaning)) for entry in pipeline.inputs]
        declared += [("publishes", (entry.topic, entry.when, entry.meaning)) for entry in pipeline.outputs]
        for direction, (topic, when, meaning) in declared:
            rows.append(Row(pipeline.name, direction, topic.name, topic.types, when, topic.latched, meaning))
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """A table for the documents."""
    lines = ["| node | | topic | type | when | meaning |", "|---|---|---|---|---|---|"]
    for row in rows:
        first, *others = (kind.replace("/msg/", "/") for kind in row.types)
        types = ", ".join([first, *(kind.split("/")[-1] for kind in others)])  # they are of one package
        when = f"`{row.when}`" if row.when else ""
        meaning = f"{row.meaning} (latched)" if row.latched else row.meaning
        lines.append(f"| `{row.pipeline}` | {row.direction} | `{row.topic}` | {types} | {when} | {meaning} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown(topic_rows()) + "\n")
