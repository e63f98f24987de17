"""The generated parts of docs/nodes.md: `python -m dvae_nodes.pipelines.manual docs/nodes.md` writes them.

Topics as the pipelines declare them, parameters from the frozen dataclasses that configure them. No ROS is needed.
A part stands between the lines `<!-- NAME: generated -->` and `<!-- NAME: end -->`.
"""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

from dvae_nodes.lifecycle.pipeline import Pipeline
from dvae_nodes.pipelines.table import PIPELINES, markdown, topic_rows


def parameter_table(pipeline: type[Pipeline]) -> str:
    """Markdown of all parameters of a node, one line each."""
    lines = ["| parameter | type | default | range | live | meaning |", "|---|---|---|---|---|---|"]
    for config in pipeline.configs:
        kinds = get_type_hints(config)
        for field in dataclasses.fields(config):
            meta = field.metadata
            limits = ", ".join(meta["choices"]) or _range(meta["minimum"], meta["maximum"])
            unit = f" [{meta['unit']}]" if meta["unit"] else ""
            default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            cells = (f"`{field.name}`", kinds[field.name].__name__, f"`{default}`" if default else "", limits)
            meaning = f"{meta['description']}{unit}".replace("|", "\\|")
            lines.append(f"| {' | '.join(cells)} | {'yes' if meta['live'] else ''} | {meaning} |")
    return "\n".join(lines)


def _range(low: float, high: float) -> str:
    ends = (f"{low:g}" if math.isfinite(low) else "", f"{high:g}" if math.isfinite(high) else "")
    return (
        f"{ends[0]} to {ends[1]}" if all(ends) else f"from {ends[0]}" if ends[0] else f"to {ends[1]}" if ends[1] else ""
    )


def parts(pipelines: Sequence[type[Pipeline]] = PIPELINES) -> dict[str, str]:
    """The generated parts by name."""
    found = {"topics": markdown(topic_rows(pipelines))}
    return found | {pipeline.name: parameter_table(pipeline) for pipeline in pipelines if pipeline.configs}


def fill(page: str) -> str:
    """The page with its generated parts as they should be; ValueError when one of them has no place in it."""
    for name, text in parts().items():
        place = re.compile(rf"(<!-- {name}: generated -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        if not place.search(page):
            raise ValueError(f"expected a place for the generated part {name!r}, found none")
        page = place.sub(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)  # type: ignore[misc]
    return page


def main() -> None:
    """Write the page anew."""
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text()))


if __name__ == "__main__":
    main()
