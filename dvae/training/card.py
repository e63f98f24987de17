"""The model card written beside every trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from dvae.models.networks.layers import num_parameters
from dvae.training.recipe import Recipe

CARD = """# {name}

{summary}

| | |
|---|---|
| class | `{model}`, {parameters:,} parameters |
| trained with | `dvae-train {name}{options}` |
| training | {training} |
| validation | {metrics} |
| data | {data} |
| intended use | {use} |
| limits | {limits} |
| licence | {licence} |
"""


def model_card(recipe: Recipe, facts: Mapping[str, Any], model: nn.Module) -> str:
    """Markdown from the recipe and the facts of the run."""
    options = recipe.optimisation
    return CARD.format(
        name=recipe.name,
        options="".join(f" {option}" for option in recipe.options),
        summary=recipe.summary,
        model=type(model).__name__,
        parameters=num_parameters(model),
        training=f"best weights at epoch {facts['epoch']} of {facts['epochs_planned']}, "
        f"{facts['frames_seen'] / 1e6:.3g} M frames in batches of {options.batch_size}, "
        f"{facts['training_minutes']} min on {options.num_threads} CPU thread(s)",
        metrics=", ".join(f"{name} {value}" for name, value in facts["metrics"].items()),
        data=recipe.card.get("data", "-"),
        use=recipe.card.get("use", "-"),
        limits=recipe.card.get("limits", "-"),
        licence=recipe.card.get("licence", "-"),
    )
