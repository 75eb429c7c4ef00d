"""All tables."""

from __future__ import annotations

from benchmarks.tables.real import REAL
from benchmarks.tables.samples import Table
from benchmarks.tables.synthetic import SYNTHETIC

__all__ = ["TABLES"]

TABLES: dict[str, Table] = {**REAL, **SYNTHETIC}
"""The tables by their keys, real ones first."""
