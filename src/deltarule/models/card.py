"""Model cards: what a model is, how it was trained and how good it is, as text, HTML and Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deltarule import markup
from deltarule.models.description import facts_of, layer_table
from deltarule.models.model_data import ModelData
from deltarule.models.record import Record

__all__ = ["ModelCard", "Table"]

_SETS = {"train": "Training", "validation": "Validation", "test": "Test", "out of fold": "Out of fold"}
_METRICS = {"accuracy": "Accuracy", "r2": "R²", "rmse": "RMSE"}
_USE = {
    "table": ("frame", "a data frame, or a list of dicts, with the columns of the training data"),
    "image": ("images", "raw values, (n, height, width)"),
    "array": ("x", "raw values, (n, inputs)"),
}
"""What a model predicts of, by the kind of its inputs."""


@dataclass(frozen=True)
class Table:
    """A table of texts: its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ModelCard:
    """A model's card.

    title : a short name.
    layers : the layers, with their shapes and numbers of parameters.
    facts : how the model was trained, by name.
    scores : on each set, with intervals of 95 %; without rows where they were not measured.
    recipe : the recipe, as JSON.
    record : of the training.
    task : "classification", "multilabel" or "regression".
    input_kind : "table", "image" or "array".
    load : the estimator that loads several networks; None for a model.

    >>> import deltarule as dr
    >>> run = dr.train(dr.Recipe(network=dr.Network(hidden=(8,)), epochs=20), dr.load_dataset("iris"))
    >>> print(run.card().markdown().splitlines()[0])
    ---
    """

    title: str
    layers: Table
    facts: Mapping[str, str]
    scores: Table
    recipe: Mapping[str, Any]
    record: Record
    task: str
    input_kind: str
    load: str | None = None

    @classmethod
    def of(cls, model: ModelData, further: Mapping[str, str] | None = None, load: str | None = None) -> ModelCard:
        """Return the card of a model; `further` facts are those of an ensemble, whose first network it is."""
        record = model.record or Record()
        layers = layer_table(model)
        total = sum(parameters for *_, parameters in layers)
        rows = [(name, shape, activation, f"{parameters:,}") for name, shape, activation, parameters in layers]
        columns = ("Layer", "Weights", "Activation", "Parameters")
        kind = "table" if model.encoding is not None else "image" if len(model.input_shape) > 1 else "array"
        return cls(
            "-".join(map(str, model.sizes)),
            Table(columns, (*rows, ("", "", "together", f"{total:,}"))),
            {**_of_recipe(model, record), **_of_training(record), **(further or {})},
            _scores(record),
            model.recipe.to_json(),
            record,
            "classification" if model.classes is not None else str(model.recipe.task),
            kind,
            load,
        )

    @property
    def name(self) -> str:
        """The name of the data, or of the library that the model is from, with the sizes of its layers."""
        return f"{self.record.data or self.record.source or 'Model'} {self.title}"

    def markdown(self) -> str:
        """Return the card as Markdown, with the metadata that the Hugging Face Hub reads at its head."""
        origin = f"imported from {self.record.source}" if self.record.source else "trained with deltarule"
        parts = [
            "---",
            *_front_matter(self),
            "---",
            "",
            f"# {_plain(self.name)}",
            "",
            f"A multi-layer perceptron, {_plain(origin)}.",
            "",
            *_section("Scores", _table(self.scores) if self.scores.rows else []),
            *_section("Diagnosis", [_plain(each) for each in self.record.diagnosis]),
            *_section("Use", _use(self)),
            *_section("Architecture", _table(self.layers)),
            *_section("Training", _table(Table(("Setting", "Value"), tuple(self.facts.items())))),
            *_section("Recipe", ["```json", json.dumps(self.recipe, indent=2, ensure_ascii=False), "```"]),
        ]
        return "\n".join(parts).rstrip() + "\n"

    def __str__(self) -> str:
        """Return the card as text: the layers, the facts, the scores and the diagnosis."""
        blocks = [self.name, _aligned([self.layers.columns, *self.layers.rows])]
        blocks.append(_aligned([(name, value) for name, value in self.facts.items()]))
        if self.scores.rows:
            blocks.append(_aligned([self.scores.columns, *self.scores.rows]))
        return "\n\n".join([*blocks, *self.record.diagnosis])

    def _repr_html_(self) -> str:
        """Return the card for a notebook."""
        tables = [markup.table(each.columns, each.rows) for each in (self.scores, self.layers) if each.rows]
        rows = [
            *self.facts.items(),
            *([("Diagnosis", " ".join(self.record.diagnosis))] if self.record.diagnosis else []),
        ]
        return markup.card("Model", self.name, rows, *tables, markup.details("Recipe", self.recipe))


def _scores(record: Record) -> Table:
    """Return the scores, a row for each set and metric."""
    rows = []
    for each in record.scores:
        baseline = "" if each.baseline is None else each.text(each.baseline)
        name = _METRICS.get(each.metric, each.metric)
        rows.append((_SETS.get(each.part, each.part), f"{each.samples:,}", name, str(each), baseline))
    columns = ("Set", "Samples", "Score", "Value (95 % interval)", "Always the same")
    if not any(row[-1] for row in rows):
        return Table(columns[:-1], tuple(row[:-1] for row in rows))
    return Table(columns, tuple(rows))


def _of_recipe(model: ModelData, record: Record) -> dict[str, str]:
    """Return what is known by the recipe, which says nothing of the training of an imported model."""
    facts = facts_of(model)
    return {name: facts[name] for name in ("Input", "Predicts", "Loss")} if record.source else facts


def _of_training(record: Record) -> dict[str, str]:
    """Return what is known of the training itself."""
    facts = {}
    if record.source:
        facts["Imported from"] = record.source
    if record.samples:
        samples = ", ".join(f"{count:,} {_SETS.get(name, name).lower()}" for name, count in record.samples)
        facts["Data"] = f"{record.data}: {samples} samples" if record.data else f"{samples} samples"
    if record.epochs:
        of = f"; the model is that of epoch {record.best_epoch}" if 0 < record.best_epoch < record.epochs else ""
        facts["Epochs"] = f"{record.epochs}, {record.status}{of}"
    if record.versions:
        facts["Versions"] = ", ".join(f"{name} {version}" for name, version in record.versions)
    return facts


def _use(card: ModelCard) -> list[str]:
    name, comment = _USE[card.input_kind]
    load = "load_model" if card.load is None else f"{card.load}.load"
    code = ["import deltarule as dr", "", f'model = dr.{load}("model.safetensors")']
    return ["```python", *code, f"model.predict({name})  # {comment}", "```"]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    """Return a section of a page, or nothing where it has no lines."""
    return [f"## {title}", "", *lines, ""] if lines else []


def _table(table: Table) -> list[str]:
    """Return a table as Markdown."""
    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return [f"| {' | '.join(_plain(each) for each in line)} |" for line in lines]


def _plain(text: str) -> str:
    """Return untrusted text on one line, without any effect as Markdown or HTML."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", line)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows with columns of one width each; the last is as long as it is."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _front_matter(card: ModelCard) -> list[str]:
    """Return the metadata of the Hugging Face Hub as YAML, whose texts are written as JSON."""
    kind = "image" if card.input_kind == "image" else "tabular"
    task = f"{kind}-{'regression' if card.task == 'regression' else 'classification'}"
    lines = ["library_name: deltarule", f"pipeline_tag: {task}", "tags:", "- deltarule", "- mlp"]
    scores = [each for each in card.record.scores if each.part in {"test", "out of fold"}] or card.record.scores
    if not scores:
        return lines
    types = {each.metric: json.dumps(_HUB.get(each.metric, each.metric)) for each in scores}
    lines += ["metrics:", *(f"- {each}" for each in types.values())]
    lines += ["model-index:", f"- name: {json.dumps(card.name)}", "  results:"]
    name = json.dumps(card.record.data or "data")
    for part in dict.fromkeys(each.part for each in scores):
        lines += ["  - task:", f"      type: {task}", "    dataset:", f"      name: {name}", f"      type: {name}"]
        lines += [f"      split: {json.dumps(part)}", "    metrics:"]
        for each in scores:
            if each.part == part:
                label = json.dumps(f"{each.metric}, n = {each.samples:,}")
                lines += [f"    - type: {types[each.metric]}", f"      value: {each.value:.6g}", f"      name: {label}"]
    return lines


_HUB = {"r2": "r_squared"}
"""The names of metrics on the Hub, where they differ."""
