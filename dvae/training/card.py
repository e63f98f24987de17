"""The model card written beside every trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from dvae.models.layers import num_parameters
from dvae.training.recipe import Recipe

CARD = """# {name}

{summary}

| | |
|---|---|
| class | `{model}`, {parameters:,} parameters |
| trained with | `dvae-train config/train/{name}.yaml` |
| training | best of {epoch} of {epochs_planned} planned epochs of {batches} batches of {batch_size}, {minutes} min on {threads} CPU thread(s) |
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
        summary=recipe.summary,
        model=type(model).__name__,
        parameters=num_parameters(model),
        epoch=facts["epoch"],
        epochs_planned=facts["epochs_planned"],
        batches=options.batches_per_epoch,
        batch_size=options.batch_size,
        minutes=facts["training_minutes"],
        threads=options.num_threads,
        metrics=", ".join(f"{name} {value}" for name, value in facts["metrics"].items()),
        data=recipe.card.get("data", "-"),
        use=recipe.card.get("use", "-"),
        limits=recipe.card.get("limits", "-"),
        licence=recipe.card.get("licence", "-"),
    )
