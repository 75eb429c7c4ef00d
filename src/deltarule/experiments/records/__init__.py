"""Records: how low the test error of perceptrons is on MNIST and Fashion-MNIST, each as a recipe that can be run.

Nothing was chosen on the test sets: the recipes were chosen on held-out training images, which `RecordRun` with
`validation=True` repeats, and the final networks are trained on all training images.
"""

from __future__ import annotations

from deltarule.errors import UnknownName, nearest
from deltarule.experiments.records.recipes import RECORDS
from deltarule.experiments.records.record import ImageRecord, Measured, Published, Spread
from deltarule.experiments.records.result import RecordResult, SeedResult, listing
from deltarule.experiments.records.running import RecordRun, held_out

__all__ = [
    "RECORDS",
    "ImageRecord",
    "Measured",
    "Published",
    "RecordResult",
    "RecordRun",
    "SeedResult",
    "Spread",
    "held_out",
    "listing",
    "record",
]


def record(name: str) -> ImageRecord:
    """Return the record of this name.

    >>> record("fashion").networks
    1
    >>> record("fashoin")
    Traceback (most recent call last):
        ...
    deltarule.errors.UnknownName: Expected a record (mnist, ...), got 'fashoin'. Try: fashion
    """
    known = name.strip().lower().replace("_", "-")
    if known not in RECORDS:
        raise UnknownName(
            f"a record ({', '.join(RECORDS)})", repr(name), nearest(known, RECORDS) or next(iter(RECORDS))
        )
    return RECORDS[known]
