"""Counters of the server in the text format of Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 1024, 4096)


@dataclass
class Histogram:
    """Counts of observations by upper bounds, the last without a bound.

    >>> histogram = Histogram((1, 2))
    >>> histogram.observe(2)
    >>> histogram.lines("rows", "Rows.")[2:5]
    ['rows_bucket{le="1"} 0', 'rows_bucket{le="2"} 1', 'rows_bucket{le="+Inf"} 1']
    """

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count an observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, text: str) -> list[str]:
        """Return the histogram in Prometheus' format."""
        lines, so_far = [f"# HELP {name} {text}", f"# TYPE {name} histogram"], 0
        for bound, count in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            so_far += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {so_far}')
        return [*lines, f"{name}_sum {self.total:.9g}", f"{name}_count {so_far}"]


@dataclass
class Metrics:
    """What the server has done since it started."""

    started: float = field(default_factory=time.time)
    responses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    batches: Histogram = field(default_factory=lambda: Histogram(_ROWS))

    def response(self, route: str, status: int, seconds: float) -> None:
        """Count an answer of a route."""
        self.responses[route, status] += 1
        self.seconds.observe(seconds)

    def batch(self, rows: int) -> None:
        """Count a call of a model with so many rows."""
        self.batches.observe(rows)

    def text(self, gauges: dict[str, float]) -> str:
        """Return all metrics, with further numbers of this moment by their names."""
        lines = [
            "# HELP deltarule_responses_total Answers by route and status.",
            "# TYPE deltarule_responses_total counter",
        ]
        for (route, status), count in sorted(self.responses.items()):
            lines.append(f'deltarule_responses_total{{route="{route}",status="{status}"}} {count}')
        lines += self.seconds.lines("deltarule_response_seconds", "Time to an answer, in seconds.")
        lines += self.batches.lines("deltarule_batch_rows", "Rows of one call of a model.")
        for name, value in {"deltarule_uptime_seconds": time.time() - self.started, **gauges}.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value:.9g}"]
        return "\n".join(lines) + "\n"
