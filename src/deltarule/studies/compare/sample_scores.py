"""The score of each sample by a network, kept compactly: what a score owes to the choice of the test samples."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from deltarule.types import Floats

BITS, HALF = "bits", "float16"
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class SampleScores:
    """Scores of samples, in their order, whose mean is the score of the network.

    kind : "bits" for right and wrong answers, eight in a byte, the first in the highest bit; "float16" for others.
    count : number of samples.
    content : the bytes.

    >>> SampleScores.of([1.0, 0.0, 1.0]).to_json()
    {'kind': 'bits', 'count': 3, 'content': 'oA=='}
    """

    kind: str
    count: int
    content: bytes

    @classmethod
    def of(cls, values: Any) -> Self:
        """Pack the scores of samples, (n,)."""
        x = np.asarray(values, dtype=np.float64)
        if np.isin(x, (0.0, 1.0)).all():
            return cls(BITS, len(x), np.packbits(x == 1.0).tobytes())
        return cls(HALF, len(x), np.clip(np.nan_to_num(x), -_LARGEST, _LARGEST).astype("<f2").tobytes())

    @property
    def values(self) -> Floats:
        """The scores, (n,)."""
        if self.kind == BITS:
            return np.unpackbits(np.frombuffer(self.content, np.uint8), count=self.count).astype(np.float64)
        return np.frombuffer(self.content, "<f2").astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        """The scores as data, the bytes in base64."""
        return {"kind": self.kind, "count": self.count, "content": base64.b64encode(self.content).decode()}

    @classmethod
    def from_json(cls, data: Any) -> Self | None:
        """Read what `to_json` wrote; None stays None.

        Raises ValueError for anything else.
        """
        if data is None:
            return None
        if not isinstance(data, dict) or set(data) != {"kind", "count", "content"}:
            raise ValueError("expected an object of kind, count, content")
        kind, count, text = data["kind"], data["count"], data["content"]
        if kind not in {BITS, HALF} or type(count) is not int or count < 0 or not isinstance(text, str):
            raise ValueError(f"expected the kind {BITS} or {HALF}, a count and text")
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("expected base64") from error
        if len(content) != ((count + 7) // 8 if kind == BITS else 2 * count):
            raise ValueError(f"expected the scores of {count} samples, got {len(content)} bytes")
        made = cls(kind, count, content)
        if not np.isfinite(made.values).all():
            raise ValueError("expected finite scores")
        return made
