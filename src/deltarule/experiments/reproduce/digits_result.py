"""Results of the runs on handwritten digits, compared with the published lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.experiments.figures.images import captioned_images
from deltarule.experiments.figures.monitors import Line, accuracy_lines, four_monitors
from deltarule.experiments.figures.slowdown import slowdown_curves
from deltarule.experiments.reproduce.digits_settings import DigitsSettings
from deltarule.experiments.reproduce.experiment import Result, percent
from deltarule.experiments.reproduce.nielsen import NARROW, WIDE, Monitors
from deltarule.experiments.reproduce.published import PublishedNetwork
from deltarule.experiments.reproduce.slowdown import Curve
from deltarule.figures.style import save
from deltarule.models import Model
from deltarule.studies.text_table import TextTable
from deltarule.types import Floats
from deltarule.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = {
    "evaluation_cost": "evaluation cost",
    "evaluation_accuracy": "evaluation accuracy (of 10,000)",
    "training_cost": "training cost",
    "training_accuracy": "training accuracy (of {images:,})",
}
_ABSENT = "No published lists found; give their folder: --published FOLDER."


@dataclass(frozen=True)
class Reloaded:
    """Number of equal predictions of a network before saving and after loading, and the largest output difference."""

    same: int
    images: int
    largest_difference: float


@dataclass(frozen=True)
class CostRow:
    """Best validation accuracy of a network, its epoch, and the final test accuracy."""

    cost: PublishedNetwork
    validation: float
    epoch: int
    test: float


@dataclass(eq=False)
class DigitsResult(Result):
    """Results of the selected parts; the others are empty."""

    experiment: DigitsSettings
    image: npt.NDArray[Any]
    label: str
    slowdown: list[Curve] = field(default_factory=list)
    overfitting: Monitors | None = None
    regularization: Monitors | None = None
    initial: dict[str, tuple[int, ...]] = field(default_factory=dict)
    costs: list[CostRow] = field(default_factory=list)
    published_overfitting: Monitors | None = None
    published_initial: dict[str, tuple[int, ...]] | None = None
    model: Model | None = None
    reloaded: Reloaded | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the lists, and their differences from the published ones."""
        data: dict[str, Any] = {}
        if self.overfitting is not None:
            data["overfitting"] = {"ours": _lists(self.overfitting), "compared": self._compared()}
        if self.regularization is not None:
            data["regularization"] = {"decay": self.experiment.regularization_decay, **_lists(self.regularization)}
        if self.initial:
            data["initial_weights"] = {"ours": {k: list(v) for k, v in self.initial.items()}, "equal": self._equal()}
        if self.slowdown:
            data["slowdown"] = [
                {"cost": c.loss, "start": c.start, "learning_rate": c.learning_rate, "outputs": c.outputs.tolist()}
                for c in self.slowdown
            ]
        if self.costs:
            data["costs"] = [
                {**row.cost._asdict(), "validation": row.validation,
                 "best_epoch": row.epoch, "test": row.test}
                for row in self.costs
            ]  # fmt: skip
        if self.reloaded is not None:
            data["reloaded"] = dict(vars(self.reloaded))
        return data

    def tables(self) -> list[TextTable]:
        """Return the tables of every part that was run."""
        tables = []
        if self.overfitting is not None:
            tables += self._overfitting_tables(self.overfitting)
        if self.overfitting is not None and self.regularization is not None:
            tables.append(self._regularization_table(self.overfitting, self.regularization))
        if self.initial:
            tables.append(self._initial_table())
        if self.slowdown:
            tables.append(self._slowdown_table())
        if self.costs:
            tables.append(self._cost_table())
        if self.reloaded is not None:
            same = f"{self.reloaded.same:,} of {self.reloaded.images:,}"
            apart = f"{self.reloaded.largest_difference:.1e}"
            rows = (("test images with equal predictions", same), ("largest difference of an output", apart))
            tables.append(TextTable("The network saved to network.json and loaded again", ("", ""), rows))
        return tables

    def headline(self) -> dict[str, float]:
        """Return the last value of each list."""
        figures: dict[str, float] = {}
        for name, monitors in (("λ 0", self.overfitting), ("regularized", self.regularization)):
            if monitors is not None:
                for kind, values in monitors.lists().items():
                    figures[f"{self.experiment.images} images, {name}: last {kind.replace('_', ' ')}"] = values[-1]
        for name, counts in self.initial.items():
            figures[f"weights {name}: first count"], figures[f"weights {name}: last count"] = counts[0], counts[-1]
        for row in self.costs:
            c = row.cost
            figures[f"{c.words}, {c.units} units, η {c.learning_rate:g}, λ {c.decay:g}: test accuracy"] = row.test
        return figures

    def write(self, folder: Path) -> list[Path]:
        """Write pictures, the network as readable JSON, and every epoch of the overfitting run as CSV."""
        image = captioned_images([self.image], [f"The first training image: {self.label}"])
        paths = [save(image, folder / "digit.png")]
        if self.slowdown:
            paths.append(save(slowdown_curves([vars(curve) for curve in self.slowdown]), folder / "slowdown.png"))
        if self.overfitting is not None and self.model is not None:
            paths += self._write_overfitting(folder, self.overfitting, self.model)
        if self.initial:
            paths.append(save(self._initial_picture(), folder / "initial_weights.png"))
        return paths

    def _write_overfitting(self, folder: Path, ours: Monitors, model: Model) -> list[Path]:
        sizes = {"evaluation_accuracy": 10_000, "training_accuracy": self.experiment.images}
        lines = [Line(f"ours, λ {self.experiment.decay:g}", _shares(ours, sizes))]
        if self.published_overfitting is not None:
            lines.append(Line("published", _shares(self.published_overfitting, sizes), dashed=True))
        title = f"{self.experiment.images:,} training images, η {self.experiment.learning_rate:g}"
        paths = [save(four_monitors(lines, f"Overfitting: {title}"), folder / "monitors.png")]
        if self.regularization is not None:
            decay = self.experiment.regularization_decay
            pair = [lines[0], Line(f"ours, λ {decay:g}", _shares(self.regularization, sizes))]
            paths.append(save(four_monitors(pair, f"L2 against overfitting: {title}"), folder / "regularization.png"))
        paths.append(model.save(folder / "network.json"))
        paths.append(folder / "overfitting.csv")
        write_whole(paths[-1], self._csv(ours).encode())
        return paths

    def _initial_picture(self) -> Figure:
        lines = [Line(f"ours, {k}", {"": np.array(v) / 10_000}) for k, v in self.initial.items()]
        for number, counts in enumerate((self.published_initial or {}).values()):
            lines.append(Line("" if number else "published", {"": np.array(counts) / 10_000}, dashed=True))
        e = self.experiment
        title = f"Initial weights: {e.initial_images:,} images, η {e.initial_learning_rate:g}, λ {e.initial_decay:g}"
        return accuracy_lines(lines, title, "Accuracy on 10,000 validation images (%)")

    def _csv(self, ours: Monitors) -> str:
        """Return every epoch as CSV: our value, the published one and the difference, for each of the four lists."""
        theirs = None if self.published_overfitting is None else self.published_overfitting.lists()
        lists = ours.lists()
        lines = ["epoch," + ",".join(f"{name}_ours,{name}_published,{name}_difference" for name in lists)]
        for row in range(len(ours.training_cost)):
            cells = [str(row + 1)]
            for name, values in lists.items():
                known = theirs is not None and row < len(theirs[name])
                published = theirs[name][row] if theirs is not None and known else None
                beside = ("", "") if published is None else (repr(published), repr(values[row] - published))
                cells += [repr(values[row]), *beside]
            lines.append(",".join(cells))
        return "\n".join(lines) + "\n"

    def _compared(self) -> dict[str, Any] | None:
        """Return the differences of our four lists from the published ones, over the epochs that both have."""
        if self.overfitting is None or self.published_overfitting is None:
            return None
        found: dict[str, Any] = {}
        published = self.published_overfitting.lists()
        for name, values in self.overfitting.lists().items():
            n = min(len(values), len(published[name]))
            a, b = np.array(values[:n]), np.array(published[name][:n])
            if name.endswith("cost"):
                found[name] = {"epochs": n, "largest_relative_difference": float(np.max(np.abs(a - b) / np.abs(b)))}
            else:
                found[name] = {"epochs": n, "equal_counts": int(np.sum(a == b))}
        return found

    def _equal(self) -> dict[str, Any] | None:
        """Return the number of our counts that equal the published ones."""
        if self.published_initial is None:
            return None
        found = {}
        for name, counts in self.initial.items():
            pairs = [*zip(counts, self.published_initial[name], strict=False)]
            found[name] = {"epochs": len(pairs), "equal_counts": sum(ours == theirs for ours, theirs in pairs)}
        return found

    def _overfitting_tables(self, ours: Monitors) -> list[TextTable]:
        theirs = None if self.published_overfitting is None else self.published_overfitting.lists()
        epochs = len(ours.training_cost)
        shown = sorted({1, 2, 5, 10, 20, *range(50, epochs + 1, 50), epochs} & {*range(1, epochs + 1)})
        rows = []
        for name, values in ours.lists().items():
            for epoch in shown:
                known = theirs is not None and epoch <= len(theirs[name])
                published = theirs[name][epoch - 1] if theirs is not None and known else None
                what = _WORDS[name].format(images=self.experiment.images) if epoch == shown[0] else ""
                rows.append((what, str(epoch), *_compare(values[epoch - 1], published)))
        note = "Every epoch is in overfitting.csv." if theirs is not None else _ABSENT
        title = f"Overfitting: {self.experiment.images:,} training images"
        tables = [TextTable(title, ("", "epoch", "ours", "published", "difference"), tuple(rows), note)]
        compared = self._compared()
        if compared is not None:
            found = []
            for name, each in compared.items():
                what = _WORDS[name].format(images=self.experiment.images)
                if "equal_counts" in each:
                    words = f"{each['equal_counts']} of {each['epochs']} counts equal"
                else:
                    words = f"largest relative difference {each['largest_relative_difference']:.1e}"
                found.append((what, str(each["epochs"]), words))
            tables.append(TextTable("Comparison with the published lists", ("", "epochs", "result"), tuple(found)))
        return tables

    def _regularization_table(self, without: Monitors, with_: Monitors) -> TextTable:
        images = self.experiment.images
        rows = []
        for name, values in without.lists().items():
            size = {"evaluation_accuracy": 10_000, "training_accuracy": images}.get(name)
            pair = [percent(v[-1] / size) if size else f"{v[-1]:.4f}" for v in (values, with_.lists()[name])]
            rows.append((name.replace("_", " "), *pair))
        ends = [(m.training_accuracy[-1] / images, m.evaluation_accuracy[-1] / 10_000) for m in (without, with_)]
        rows.append(("gap of the accuracies", *(percent(training - evaluation) for training, evaluation in ends)))
        columns = ("at the end", f"λ {self.experiment.decay:g}", f"λ {self.experiment.regularization_decay:g}")
        note = "A cost includes the penalty ½ (λ/m) Σ w², with m the number of images it is evaluated on."
        return TextTable("L2 against overfitting", columns, tuple(rows), note)

    def _initial_table(self) -> TextTable:
        rows = []
        for epoch in range(len(self.initial[NARROW])):
            cells = [str(epoch + 1)]
            for name in (NARROW, WIDE):
                published = None if self.published_initial is None else self.published_initial[name]
                known = published is not None and epoch < len(published)
                cells += _compare(self.initial[name][epoch], published[epoch] if published and known else None)
            rows.append(tuple(cells))
        columns = ("epoch", NARROW, "published", "difference", WIDE, "published", "difference")
        equal = self._equal()
        note = _ABSENT
        if equal is not None:
            same, n = (sum(each[key] for each in equal.values()) for key in ("equal_counts", "epochs"))
            note = f"{same} of {n} counts equal the published ones."
        return TextTable("Initial weights: correct validation images, of 10,000", columns, tuple(rows), note)

    def _slowdown_table(self) -> TextTable:
        names = list(dict.fromkeys(curve.loss for curve in self.slowdown))
        cells: dict[tuple[float, float], list[str]] = {}
        for c in self.slowdown:
            cells.setdefault((c.start, c.learning_rate), []).append(f"{c.outputs[-1]:.4f}")
        rows = tuple((f"{start:g}", f"{rate:g}", *outputs) for (start, rate), outputs in cells.items())
        title = f"The learning slowdown: output after {self.experiment.slowdown_epochs} epochs, target 0"
        note = "Softmax has a second output that starts at 0 and is trained, too."
        return TextTable(title, ("w = b", "η", *names), rows, note)

    def _cost_table(self) -> TextTable:
        rows = tuple(
            (
                row.cost.words, row.cost.units, f"{row.cost.learning_rate:g}",
                f"{row.cost.decay:g}", str(row.cost.epochs), f"{percent(row.validation)} ({row.epoch})",
                percent(row.test), percent(row.cost.accuracy) if row.cost.accuracy else "",
            )
            for row in self.costs
        )  # fmt: skip
        columns = ("cost", "units", "η", "λ", "epochs", "best validation (epoch)", "final test", "published")
        note = "Published: single runs with other random numbers, accuracy of their best epoch."
        return TextTable("Costs on 50,000 images", columns, rows, note)


def _lists(monitors: Monitors) -> dict[str, list[float]]:
    return {name: list(values) for name, values in monitors.lists().items()}


def _shares(monitors: Monitors, sizes: dict[str, int]) -> dict[str, Floats]:
    """Return the four lists, with counts as fractions."""
    return {name: np.array(values) / sizes.get(name, 1) for name, values in monitors.lists().items()}


def _compare(ours: float, published: float | None) -> tuple[str, str, str]:
    whole = isinstance(ours, int)
    text = str(ours) if whole else f"{ours:.12f}"
    if published is None:
        return text, "", ""
    return text, str(published) if whole else f"{published:.12f}", f"{ours - published:{'d' if whole else '.1e'}}"
