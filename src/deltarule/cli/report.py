"""The final report of `deltarule train`: a table of metrics and the verdict, as text or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console

from deltarule.cli.terminal import finite, say, table_of
from deltarule.data import Dataset
from deltarule.studies.verdict import Verdict, error_of, verdict
from deltarule.training import Run
from deltarule.training.evaluating import Evaluation, evaluate

_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
_ENDINGS = {"stopped": " (stopped early)", "interrupted": " (interrupted)", "diverged": " (diverged)"}


@dataclass(frozen=True)
class Report:
    """The final model's metrics on each set, and the verdict on them.

    evaluations : by name, for the sets that exist.
    verdict : None where training diverged, as bias and variance then have no meaning.
    out : the run's folder.
    """

    run: Run
    evaluations: dict[str, Evaluation]
    verdict: Verdict | None
    out: str

    @classmethod
    def of(cls, run: Run, dataset: Dataset, out: str, reference_error: float | None) -> Report:
        """Evaluate a run on its data."""
        evaluations = {name: evaluate(run.model, part) for name, part in dataset.parts.items()}
        if run.status == "diverged":
            return cls(run, evaluations, None, out)
        held = None if dataset.validation is None else error_of(run.model, dataset.validation)
        said = verdict(error_of(run.model, dataset.train), held, reference_error)
        return cls(run, evaluations, said, out)

    @property
    def classes(self) -> bool:
        """Whether the score is an accuracy rather than R²."""
        return self.run.model.labelled

    def to_json(self) -> dict[str, Any]:
        """Return the result as one object; missing numbers are None."""
        data: dict[str, Any] = {}
        for name in _PARTS:
            found = self.evaluations.get(name)
            score = None if found is None else finite(found.score)
            data[f"{name}_accuracy"] = score if self.classes else None
            if not self.classes:
                data[f"{name}_r2"] = score
            data[f"{name}_loss"] = None if found is None else finite(found.loss)
        return {
            **data,
            "epochs": len(self.run.history),
            "best_epoch": self.run.best_epoch or None,
            "seconds": self.run.seconds,
            "status": self.run.status,
            "seed": self.run.recipe.seed,
            "verdict": None if self.verdict is None else self.verdict.to_json(),
            "out": self.out,
        }

    def tell(self, words: Console) -> None:
        """Print the report."""
        score = "Accuracy" if self.classes else "R²"
        columns = ("", "Samples", "Loss", score)
        words.print()
        words.print(table_of(columns, [self._row(name) for name in self.evaluations], numbers=columns[1:]))
        words.print()
        done, best = len(self.run.history), self.run.best_epoch
        kept = f"; the model is that of epoch {best}" if 0 < best < done else ""
        epochs = f"{done} epoch{'' if done == 1 else 's'}{_ENDINGS.get(self.run.status, '')}"
        seconds = f"{self.run.seconds:.1f}" if self.run.seconds >= 1 else f"{self.run.seconds:.1g}"
        say(f"{epochs} in {seconds} s{kept}.", words)
        words.print()
        for sentence in () if self.verdict is None else self.verdict.sentences:
            say(sentence, words)
        words.print()

    def _row(self, name: str) -> tuple[str, str, str, str]:
        found = self.evaluations[name]
        score = f"{100 * found.score:.2f} %" if self.classes else f"{found.score:.4f}"
        return _PARTS[name], f"{found.samples:,}", f"{found.loss:.4f}", score
