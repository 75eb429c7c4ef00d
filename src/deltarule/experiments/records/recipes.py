"""The records: their recipes, what they reached, and the published figures. A new figure is written down here."""

from __future__ import annotations

from deltarule.experiments.records.record import ImageRecord, Measured, Published
from deltarule.formulas import (
    Adam,
    Cutout,
    Elastic,
    FastGradient,
    HorizontalFlip,
    LinearToZero,
    Mirror,
    Mixup,
    PadAndCrop,
    Rotation,
    Shifts,
    SoftmaxCrossEntropy,
    Translation,
    Zoom,
)
from deltarule.recipes import Network, Recipe

__all__ = ["RECORDS"]

RASMUS = Published(
    0.80, "1000-500-250-250-250, batch normalization, noise", "Rasmus, Valpola, Honkala, Berglund and Raiko (2015)"
)
SRIVASTAVA = "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014)"
NOKLAND = "Nøkland and Eidnes (2019)"
CIRESAN = "Cireşan, Meier, Gambardella and Schmidhuber (2010, 2012)"
DEFORMED = (Elastic(16.0, 4.0), Rotation(8.0), Zoom(0.08), Translation(1.0))
"""Deformations of handwritten digits."""
STRONGLY_DEFORMED = (Elastic(34.0, 5.0), Rotation(10.0), Zoom(0.12), Translation(1.5))
"""Stronger ones, for many epochs."""


def _wide(units: int, layers: int, **fields: float) -> Network:
    """Return a network of equal hidden layers with batch normalization."""
    return Network(hidden=(units,) * layers, normalization="batch", **fields)  # type: ignore[arg-type]


_ADVERSARIAL = Recipe(
    network=_wide(1024, 3),
    loss=SoftmaxCrossEntropy(label_smoothing=0.1),
    optimizer=Adam(6e-3),
    schedule=LinearToZero(flat=0.3),
    perturbation=FastGradient(4.0),
    batch_size=200,
    epochs=60,
    scaling="pooled",
    stopping=None,
)
_MIXED = _ADVERSARIAL.replace(optimizer=Adam(2e-3), augmentation=(Mixup(1.0),))
_SHORT = Recipe(
    network=_wide(1024, 3),
    optimizer=Adam(2e-3),
    schedule=LinearToZero(),
    augmentation=DEFORMED,
    batch_size=128,
    epochs=24,
    scaling="pooled",
    stopping=None,
)
_LONG = _SHORT.replace(
    loss=SoftmaxCrossEntropy(label_smoothing=0.05),
    perturbation=FastGradient(1.5),
    augmentation=(*STRONGLY_DEFORMED, Cutout(6)),
    batch_size=256,
    epochs=300,
)
_SHORTER = _LONG.replace(augmentation=(*STRONGLY_DEFORMED, Cutout(8)), epochs=150)
_GENTLE = _LONG.replace(optimizer=Adam(2e-4), augmentation=(PadAndCrop(2),), epochs=20)
_FASHION = Recipe(
    network=_wide(1024, 3, dropout=0.025),
    loss=SoftmaxCrossEntropy(label_smoothing=0.1),
    optimizer=Adam(2e-3),
    schedule=LinearToZero(),
    augmentation=(PadAndCrop(2), HorizontalFlip(), Cutout(8)),
    batch_size=256,
    epochs=400,
    scaling="pooled",
    stopping=None,
)
_DEFORMED_FASHION = _FASHION.replace(
    augmentation=(PadAndCrop(2), HorizontalFlip(), Zoom(0.1), Elastic(15.0, 4.0), Rotation(3.0)), epochs=200
)

_ALL = (
    ImageRecord(
        name="mnist",
        title="MNIST without deformed images: adversarial training, label smoothing, mixup",
        dataset="mnist",
        recipes=(_ADVERSARIAL, _MIXED),
        minutes=10,
        published=(
            RASMUS,
            Published(0.95, "2 × 8192, dropout, max-norm", SRIVASTAVA),
            Published(1.06, "3 × 1024, dropout, max-norm", SRIVASTAVA),
        ),
        expected=Measured((0.76, 0.78, 0.83, 0.82, 0.87), 297.8, "AMD EPYC (Zen 5), 2 cores"),
    ),
    ImageRecord(
        name="mnist-augmented-2-minutes",
        title="MNIST with augmentation, two minutes",
        dataset="mnist",
        recipes=(_SHORT,),
        minutes=2,
        average_over=(Shifts(1),),
        published=(
            Published(0.7, "800 units, elastic deformation", "Simard, Steinkraus and Platt (2003)"),
            Published(0.75, "3 × 1024, shifts", NOKLAND),
        ),
        expected=Measured((0.57, 0.53, 0.58, 0.56, 0.64, 0.57), 108.4, "AMD EPYC (Zen 4), 2 cores"),
    ),
    ImageRecord(
        name="mnist-augmented",
        title="MNIST with augmentation and adversarial training, one network",
        dataset="mnist",
        recipes=(_LONG,),
        minutes=60,
        average_over=(Shifts(1),),
        fine_tuning=_GENTLE,
        published=(Published(0.35, "2500-2000-1500-1000-500, elastic and affine deformation, GPU", CIRESAN),),
        expected=Measured((0.35, 0.32, 0.34, 0.35, 0.36), 867.5, "AMD EPYC (Zen 5), 2 cores"),
    ),
    ImageRecord(
        name="mnist-committee",
        title="MNIST with augmentation and adversarial training, committee",
        dataset="mnist",
        recipes=(_LONG, _SHORTER),
        minutes=180,
        average_over=(Shifts(1),),
        fine_tuning=_GENTLE,
        published=(
            Published(0.31, "7 deep networks, elastic and affine deformation, GPU", CIRESAN),
            Published(0.39, "25 × 800 units", "Meier, Cireşan, Gambardella and Schmidhuber (2011)"),
        ),
        expected=Measured((0.37, 0.33, 0.34, 0.34, 0.37), 1306.2, "AMD EPYC (Zen 5), 2 cores"),
    ),
    ImageRecord(
        name="fashion",
        title="Fashion-MNIST, one network",
        dataset="fashion",
        recipes=(_FASHION,),
        minutes=20,
        average_over=(Mirror(), Shifts(2)),
        published=(
            Published(8.37, "3 × 1024, shifts and mirroring, one seed", NOKLAND),
            Published(10.0, "256-128-64", "Xiao, Rasul and Vollgraf (2017), the data set's own table"),
        ),
        expected=Measured((7.32, 7.45, 7.45, 7.52, 7.26, 7.25), 695.4, "AMD EPYC (Zen 5), 2 cores"),
    ),
    ImageRecord(
        name="fashion-committee",
        title="Fashion-MNIST, committee",
        dataset="fashion",
        recipes=(_FASHION, _DEFORMED_FASHION),
        minutes=180,
        average_over=(Mirror(), Shifts(2)),
        expected=Measured((7.42, 7.38, 7.39, 7.43, 7.31), 1056.7, "AMD EPYC (Zen 5), 2 cores"),
    ),
)

RECORDS: dict[str, ImageRecord] = {record.name: record for record in _ALL}
"""The records by name."""
