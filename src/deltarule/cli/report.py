"""The final report of `deltarule train`: metrics beside a baseline, and a short diagnosis, as text or JSON."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from deltarule.cli.terminal import say, table_of
from deltarule.data import Dataset, Part
from deltarule.formulas.metrics import METRICS, Predictions
from deltarule.language import message
from deltarule.studies.diagnose import Diagnosis, ErrorAnalysis, Remedy, Severity, analyze_errors, diagnose, error_of
from deltarule.studies.diagnose.baselines import constant_losses, most_frequent
from deltarule.training import Run
from deltarule.training.evaluating import Evaluation, evaluate
from deltarule.training.metrics import ClassificationMetrics, RegressionMetrics, as_data, as_text

_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
_ENDINGS = {"stopped": " (stopped early)", "interrupted": " (interrupted)", "diverged": " (diverged)"}
_CLASSES = 10
"""So many classes are shown; of more, those with the lowest recall."""


@dataclass(frozen=True)
class Report:
    """The final model's metrics on each set, and the diagnosis.

    evaluations : by name, for the sets that exist.
    baselines : the accuracy, or the RMSE, of always giving the same answer, on the same sets.
    constant : that answer: the most frequent class of the training set; None for regression, where it is the mean.
    diagnosis : in its short form; None after an interruption, so that the command ends soon, and for metrics alone.
    errors : of the diagnosis; None for metrics alone.
    out : the run's folder.
    """

    run: Run
    evaluations: dict[str, Evaluation]
    baselines: dict[str, float]
    constant: str | None
    diagnosis: Diagnosis | None
    errors: ErrorAnalysis | None
    out: str

    @classmethod
    def of(
        cls, run: Run, dataset: Dataset, out: str, reference_error: float | None, *, metrics_only: bool = False
    ) -> Report:
        """Evaluate a run on its data, and diagnose it."""
        model = run.model
        evaluations = {name: evaluate(model, part) for name, part in dataset.parts.items()}
        classes, baselines = model.labelled, {}
        for name, part in dataset.parts.items():
            if classes:
                error = float(np.average(constant_losses(model, dataset.train, part), weights=part.weights))
                baselines[name] = 1.0 - error
            else:
                baselines[name] = _rmse_of_mean(dataset.train, part)
        constant = model.name_of(most_frequent(dataset.train.y).item()) if model.classes is not None else None
        if metrics_only:
            return cls(run, evaluations, baselines, constant, None, None, out)
        if run.status == "interrupted":
            held = None if dataset.validation is None else error_of(model, dataset.validation)
            errors = analyze_errors(error_of(model, dataset.train), held, reference_error)
            return cls(run, evaluations, baselines, constant, None, errors, out)
        found = diagnose(run, dataset, reference_error=reference_error, short=True)
        return cls(run, evaluations, baselines, constant, found, found.errors, out)

    @property
    def classes(self) -> bool:
        """Whether the score is an accuracy rather than R²."""
        return self.run.model.labelled

    def to_json(self) -> dict[str, Any]:
        """Return the result as one object; missing numbers are None."""
        data: dict[str, Any] = {}
        for name in _PARTS:
            found = self.evaluations.get(name)
            score = None if found is None else as_data(found.score)
            data[f"{name}_accuracy"] = score if self.classes else None
            if not self.classes:
                data[f"{name}_r2"] = score
            data[f"{name}_loss"] = None if found is None else as_data(found.loss)
        return {
            **data,
            "metrics": {name: self._metrics(name) for name in self.evaluations},
            "epochs": len(self.run.history),
            "best_epoch": self.run.best_epoch or None,
            "seconds": self.run.seconds,
            "status": self.run.status,
            "seed": self.run.recipe.seed,
            "diagnosis": self._diagnosis(),
            "out": self.out,
        }

    def print_to(self, messages: Console) -> None:
        """Print the report."""
        columns = ("", *(message(_PARTS[name]) for name in self.evaluations))
        messages.print()
        messages.print(table_of(columns, self._rows(), numbers=columns[1:]))
        messages.print()
        if self.classes:
            self._print_classes(messages)
        done, best = len(self.run.history), self.run.best_epoch
        kept = message("; the model is that of epoch {best}", best=best) if 0 < best < done else ""
        epochs = message("{n} epoch" if done == 1 else "{n} epochs", n=done)
        epochs += message(_ENDINGS[self.run.status]) if self.run.status in _ENDINGS else ""
        seconds = f"{self.run.seconds:.1f}" if self.run.seconds >= 1 else f"{self.run.seconds:.1g}"
        say(message("{epochs} in {seconds} s{kept}.", epochs=epochs, seconds=seconds, kept=kept), messages)
        messages.print()
        said: Iterable[str] = () if self.errors is None else self.errors.sentences
        for sentence in said if self.diagnosis is None else self.diagnosis.sentences:
            say(sentence, messages)
        for remedy in () if self.diagnosis is None else self._changes(self.diagnosis):
            say(message("To try {remedy}: add {options}", remedy=remedy.text, options=remedy.options), messages)
        if self.diagnosis is not None:
            say(
                message("More: {command}", command=f"deltarule diagnose {shlex.quote(self.out)}"), messages, style="dim"
            )
        messages.print()

    @staticmethod
    def _changes(diagnosis: Diagnosis) -> Iterator[Remedy]:
        """The changes of the recipe that errors and warnings suggest: the first one of each."""
        given: dict[str, Remedy] = {}
        for finding in diagnosis.findings:
            own = [each for each in finding.remedies if each.change]
            if own and finding.severity != Severity.NOTE:
                given.setdefault(own[0].options, own[0])
        for each in () if diagnosis.errors is None else diagnosis.errors.remedies:
            if each.change:
                given.setdefault(each.options, each)
        yield from given.values()

    def _diagnosis(self) -> dict[str, Any] | None:
        """The diagnosis as data; after an interruption the errors alone."""
        if self.diagnosis is not None:
            return self.diagnosis.to_json()
        return None if self.errors is None else {"sentences": list(self.errors.sentences)}

    def _metrics(self, name: str) -> dict[str, Any]:
        found = self.evaluations[name]
        baseline = {"accuracy" if self.classes else "rmse": as_data(self.baselines[name])}
        return {**as_data(found.metrics), **as_data(dict(found.named)), "baseline": baseline}

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of the table of metrics: a metric for each set."""
        evaluations = self.evaluations.values()

        def row(name: str, value: Callable[[Evaluation], str]) -> tuple[str, ...]:
            return (message(name), *(value(each) for each in evaluations))

        yield row("Samples", lambda found: f"{found.samples:,}")
        yield row("Loss", lambda found: as_text(found.loss))
        if self.classes:
            yield row("Accuracy", lambda found: _percent(found.score))
            short = len(str(self.constant)) <= 20
            always = message("  always {name!r}", name=self.constant) if short else message("  always one class")
            always = message("  always the most frequent") if self.constant is None else always
            yield (always, *map(_percent, self.baselines.values()))
            yield row("Balanced accuracy", lambda found: _percent(_of_classes(found).balanced_accuracy))
            yield row("ROC AUC", lambda found: as_text(_of_classes(found).roc_auc))
            yield row("Average precision", lambda found: as_text(_of_classes(found).average_precision))
            yield row("Log loss", lambda found: as_text(_of_classes(found).log_loss))
        else:
            yield row("RMSE", lambda found: as_text(_of_numbers(found).rmse))
            yield (message("  always the mean"), *map(as_text, self.baselines.values()))
            yield row("MAE", lambda found: as_text(_of_numbers(found).mae))
            yield row("R²", lambda found: f"{found.score:.4f}")
        for name in self.run.recipe.watched_metrics:
            yield row(name, lambda found, name=name: as_text(found.named[name]))  # type: ignore[misc]

    def _print_classes(self, messages: Console) -> None:
        """Print the recall and the precision of each class, on the test set, or on the last one that there is."""
        name = next(name for name in ("test", "validation", "train") if name in self.evaluations)
        classes = _of_classes(self.evaluations[name]).classes
        shown, of = classes, ""
        if len(classes) > _CLASSES:
            shown = tuple(sorted(classes, key=lambda each: each.recall)[:_CLASSES])
            of = message(", the {some} of {all} with the lowest recall", some=_CLASSES, all=len(classes))
        kind = "label" if self.run.model.multilabel else "class"
        part = message(f"{_PARTS[name].lower()} set")
        say(message("By {kind}, on the {part}{of}:", kind=message(kind), part=part, of=of), messages)
        names = (kind.capitalize(), "Samples", "Predicted", "Recall", "Precision", "Avg. prec.")
        columns = tuple(map(message, names))
        rows = [
            (
                self.run.model.name_of(each.label) if self.constant is not None else str(each.label),
                f"{each.samples:,}",
                f"{each.predicted:,}",
                _percent(each.recall),
                _percent(each.precision),
                as_text(each.average_precision),
            )
            for each in shown
        ]
        messages.print(table_of(columns, rows, numbers=columns[1:]))
        messages.print()


def _rmse_of_mean(train: Part, part: Part) -> float:
    """The RMSE of always answering the training set's mean."""
    mean = np.average(train.y, axis=0, weights=train.weights)
    constant = Predictions(part.y.reshape(len(part), -1), np.broadcast_to(mean, part.y.shape).reshape(len(part), -1))
    return METRICS["rmse"](dataclasses.replace(constant, weights=part.weights))


def _of_classes(found: Evaluation) -> ClassificationMetrics:
    assert isinstance(found.metrics, ClassificationMetrics)
    return found.metrics


def _of_numbers(found: Evaluation) -> RegressionMetrics:
    assert isinstance(found.metrics, RegressionMetrics)
    return found.metrics


def _percent(fraction: float) -> str:
    return "–" if np.isnan(fraction) else f"{100 * fraction:.2f} %"
