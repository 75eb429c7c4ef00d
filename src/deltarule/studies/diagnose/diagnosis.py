"""A diagnosis with its report."""

from __future__ import annotations

import os
from pathlib import Path

from deltarule.studies.diagnose.diagnosis_data import DiagnosisData
from deltarule.studies.diagnose.report import report
from deltarule.writing import write_whole


class Diagnosis(DiagnosisData):  # noqa: D101 - the fields have the explanation
    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, one self-contained HTML file.

        Raises OutputError if it cannot be written.
        """
        target = Path(path)
        write_whole(target, report(self).encode())
        return target
