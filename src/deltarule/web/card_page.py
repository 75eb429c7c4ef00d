"""A model card as a separate page, without scripts."""

from __future__ import annotations

import json
from html import escape

from deltarule.models.card import ModelCard, Table
from deltarule.studies.html_page import facts, found_list, heading, html_page, html_table, section
from deltarule.studies.text_table import TextTable


def card_page(card: ModelCard) -> str:
    """Return the page of a model card: scores, diagnosis, layers, training and recipe.

    >>> import deltarule as dr
    >>> model = dr.train(dr.Recipe(network=dr.Network(hidden=(8,)), epochs=2), dr.load_dataset("iris")).model
    >>> "<h1>iris 4-8-3</h1>" in card_page(model.card())
    True
    """
    recipe = escape(json.dumps(card.recipe, indent=2, ensure_ascii=False))
    return html_page(
        card.name,
        [
            heading(card.name, "Model card"),
            section("Scores", _table(card.scores)),
            section("Diagnosis", found_list(card.record.diagnosis) if card.record.diagnosis else ""),
            section("Architecture", _table(card.layers)),
            section("Training", facts(card.facts)),
            f"<details><summary>Recipe</summary><pre>{recipe}</pre></details>",
        ],
    )


def _table(table: Table) -> str:
    return html_table(TextTable("", table.columns, table.rows), "plain") if table.rows else ""
