"""The verdict: what errors, history and baselines of a run say of bias and variance, and what may help.

Bias is what remains wrong on the training samples; variance is what is worse on others. Both errors were measured on a
limited number of samples, so each has an interval, and only what the intervals can tell is said.
"""

from deltarule.studies.verdict.baselines import Baseline, baselines_of
from deltarule.studies.verdict.course import Course, course_of
from deltarule.studies.verdict.estimates import (
    ErrorEstimate,
    certainly_above,
    check_reference_error,
    difference,
    error_of,
)
from deltarule.studies.verdict.judging import Verdict, verdict, verdict_of
from deltarule.studies.verdict.remedies import Remedy

__all__ = [
    "Baseline",
    "Course",
    "ErrorEstimate",
    "Remedy",
    "Verdict",
    "baselines_of",
    "certainly_above",
    "check_reference_error",
    "course_of",
    "difference",
    "error_of",
    "verdict",
    "verdict_of",
]
