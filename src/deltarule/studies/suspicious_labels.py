"""Suspicious labels by confident learning, on probabilities of networks that were not trained on the sample.

Northcutt, Jiang, Chuang (2021), "Confident learning: estimating uncertainty in dataset labels".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Part
from deltarule.errors import DataError
from deltarule.figures.displays import Picture
from deltarule.figures.style import LIGHT, Theme, plain
from deltarule.language import count_of
from deltarule.recipes import Recipe
from deltarule.studies.out_of_fold import OutOfFold, out_of_fold
from deltarule.studies.text_table import TextTable
from deltarule.training.arguments import Data, dataset_of
from deltarule.types import Floats, Indices, Positions

if TYPE_CHECKING:
    from deltarule.figures.samples import ImagesDisplay

_SHOWN = 24


@dataclass(frozen=True, eq=False)
class SuspiciousLabels:
    """Samples whose label is probably wrong, the most suspicious first.

    rows : (k,), of the training set, from 0.
    given, suggested : (k,), their labels, and the more probable ones.
    probabilities : (k,), of the given label; increasing.
    margins : (k,), probability of the suggested class minus that of the given one.
    joint : (classes, classes), estimated probabilities of each given label (rows) and true label (columns).
    class_names : of the rows and columns of `joint`. part : the samples.
    """

    rows: Indices
    given: npt.NDArray[Any]
    suggested: npt.NDArray[Any]
    probabilities: Floats
    margins: Floats
    joint: Floats
    class_names: tuple[str, ...]
    part: Part

    @property
    def noise_rate(self) -> float:
        """The estimated fraction of wrong labels, which may be more or less than those found."""
        return float(1.0 - np.trace(self.joint))

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        if not len(self):
            return f"No suspicious labels among {count_of(len(self.part), 'sample')}."
        rows = tuple(
            (f"{row:,}", plain(str(given)), plain(str(suggested)), f"{probability:.3f}")
            for row, given, suggested, probability in zip(
                self.rows[:10], self.given, self.suggested, self.probabilities, strict=False
            )
        )
        title = f"{count_of(len(self), 'suspicious label')} among {count_of(len(self.part), 'sample')}"
        words = ("given", "suggested")
        return str(TextTable(title, ("row", *words, "probability of the given label"), rows, words=words))

    def to_json(self) -> dict[str, Any]:
        """Return rows, labels, probabilities, margins and the joint distribution as data."""
        names = ("rows", "given", "suggested", "probabilities", "margins", "joint")
        return {name: getattr(self, name).tolist() for name in names} | {
            "noise_rate": self.noise_rate,
            "class_names": list(self.class_names),
        }

    def picture(self, *, theme: Theme = LIGHT) -> Picture:
        """Draw the first of them under the suggested labels; raise DataError where the samples are no images."""
        return Picture(self.display().plot(theme=theme).figure_)

    def display(self) -> ImagesDisplay:
        """The data of the picture."""
        from deltarule.figures.samples import ImagesDisplay

        if self.part.x.ndim < 3:
            raise DataError("images", f"samples of shape {self.part.x.shape[1:]}")
        first = self.rows[:_SHOWN]
        given, suggested = ([plain(str(each), 16) for each in names[:_SHOWN]] for names in (self.given, self.suggested))
        title = f"Suspicious labels: {len(first)} of {len(self):,}, each under the suggested label"
        return ImagesDisplay(self.part.x[first], given, suggested, title, "given")


def suspicious_labels(
    recipe: Recipe | OutOfFold, data: Data, y: Any = None, *, strict: bool = False, folds: int = 5, seed: int = 0
) -> SuspiciousLabels:
    """Find training samples whose label is probably wrong, by networks that were not trained on them.

    recipe : of the networks, one for each fold, trained at once; or the result of `out_of_fold`.
    data : as for `train`; its training set is searched.
    strict : find fewer and surer ones: as many as are confidently counted as of another class, those with the lowest
        probability of the given label, of whatever class.

    For each given label i as many samples as the estimated joint distribution has errors are found, those with the
    lowest p_i ("prune by class"), unless the given label is the most probable.

    >>> import deltarule as dr
    >>> digits = dr.load_dataset("digits")
    >>> y = digits.train.y.copy()
    >>> y[:20] = (y[:20] + 1) % 10
    >>> found = suspicious_labels(dr.Recipe(epochs=10), (digits.train.x, y))
    >>> len(set(found.rows.tolist()) & set(range(20))) > 15, len(found) < 40
    (True, True)
    """
    given = dataset_of(data, y)
    found = recipe if isinstance(recipe, OutOfFold) else out_of_fold(recipe, given, folds=folds, seed=seed)
    if found.classes is None:
        raise DataError("labels of classes", "numbers", field="y")
    p, codes = found.predictions, found.codes
    if len(p) != len(given.train):
        raise DataError(f"predictions of {len(given.train):,} samples", f"{len(p):,}", field="recipe")
    counts = confident_joint(p, codes)
    joint = joint_distribution(counts, codes)
    rows, suggested = surest(p, codes, counts) if strict else pruned(p, codes, joint)
    own = p[rows, codes[rows]]
    order = np.argsort(own, kind="stable")
    rows, suggested, own = rows[order], suggested[order], own[order]
    name = found.models[0].name_of
    names = np.array([name(label) for label in found.classes.tolist()])
    return SuspiciousLabels(
        rows,
        names[codes[rows]],
        names[suggested],
        own,
        p[rows, suggested] - own,
        joint,
        tuple(names.tolist()),
        given.train,
    )


def confident_joint(p: Floats, codes: Positions) -> Floats:
    """Return the confident joint (classes, classes) of probabilities p (n, classes) and given labels (n,).

    C_ij is the number of samples with label i of which j is the most probable of the classes l with p_l ≥ t_l; the
    threshold t_l is the mean of p_l over the samples with label l.  Equations 1 and 2.

    >>> confident_joint(np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]]), np.array([0, 0, 1])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    classes = p.shape[1]
    members = np.bincount(codes, minlength=classes)
    sums = np.bincount(codes, p[np.arange(len(p)), codes], minlength=classes)
    thresholds = np.divide(sums, members, out=np.full(classes, np.inf), where=members > 0)
    confident = p >= thresholds - 1e-6  # a class whose probabilities are all equal is not lost to rounding
    some = confident.any(axis=1)
    best = np.where(confident, p, -1.0).argmax(axis=1)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (codes[some], best[some]), 1)
    return counts


def joint_distribution(counts: Floats, codes: Positions) -> Floats:
    """Return the joint distribution of given and true labels: rows of the confident joint scaled to the given labels.

    Q_ij = (C_ij / Σ_j C_ij · n_i) / n.  Equation 3. A class without a confident sample is taken as right.

    >>> joint_distribution(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([0, 0, 1, 1])).tolist()
    [[0.25, 0.25], [0.0, 0.5]]
    """
    totals = counts.sum(axis=1, keepdims=True)
    rows = np.where(totals > 0, counts / np.where(totals > 0, totals, 1.0), np.eye(len(counts)))
    joint: Floats = rows * np.bincount(codes, minlength=len(counts))[:, None] / len(codes)
    return joint


def pruned(p: Floats, codes: Positions, joint: Floats) -> tuple[Positions, Positions]:
    """Return the rows to prune by class, and the class that each is suggested to have.

    Of the samples with label i the n Σ_{j≠i} Q_ij with the lowest p_i.  Section 3.2, method 3. A sample whose given
    label is the most probable stays. On flipped labels this finds as much as pruning each pair of classes by itself
    (method 4), or more: the counts of many pairs are small, and rounded.
    """
    n = len(p)
    own, suspicious = p[np.arange(n), codes], np.zeros(n, dtype=bool)
    for i, errors in enumerate(n * (joint.sum(axis=1) - np.diag(joint))):
        rows = np.flatnonzero(codes == i)
        suspicious[rows[np.argsort(own[rows], kind="stable")[: round(float(errors))]]] = True
    best = p.argmax(axis=1)
    rows = np.flatnonzero(suspicious & (best != codes))
    return rows, best[rows]


def surest(p: Floats, codes: Positions, counts: Floats) -> tuple[Positions, Positions]:
    """Return as many rows as the confident joint counts in another class, and the class that each is suggested to have.

    Those with the lowest probability of the given label, of all classes together. Better than pruning by class where
    labels of all classes are wrong equally often, and worse where those of one class are.

    >>> surest(np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]), np.array([0, 0, 0]), np.array([[2.0, 1.0], [0.0, 0.0]]))
    (array([1]), array([1]))
    """
    own, best = p[np.arange(len(p)), codes], p.argmax(axis=1)
    rows = np.argsort(own, kind="stable")[: round(float(counts.sum() - np.trace(counts)))]
    rows = rows[best[rows] != codes[rows]]
    return rows, best[rows]
