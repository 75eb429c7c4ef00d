"""The diagnosis: what is wrong with a trained network, how it is known, and what may help.

Each kind of finding is a `Check`, in the package `findings`. What they need (errors and their intervals, baselines,
other methods, activations and gradients) is computed once, in a `Case`.
"""

from deltarule.studies.diagnose.baselines import Baseline, baselines_of
from deltarule.studies.diagnose.check import CHECKS, Check
from deltarule.studies.diagnose.course import Course, course_of
from deltarule.studies.diagnose.diagnosing import diagnose, diagnose_model
from deltarule.studies.diagnose.diagnosis import Diagnosis
from deltarule.studies.diagnose.error_analysis import ErrorAnalysis, analyze_errors
from deltarule.studies.diagnose.estimates import (
    ErrorEstimate,
    certainly_above,
    check_reference_error,
    difference,
    error_of,
)
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import Attempt, Remedy
from deltarule.studies.diagnose.run_analysis import analyze_run

__all__ = [
    "CHECKS",
    "Attempt",
    "Baseline",
    "Check",
    "Course",
    "Diagnosis",
    "ErrorAnalysis",
    "ErrorEstimate",
    "Finding",
    "Measure",
    "Remedy",
    "Severity",
    "analyze_errors",
    "analyze_run",
    "baselines_of",
    "certainly_above",
    "check_reference_error",
    "course_of",
    "diagnose",
    "diagnose_model",
    "difference",
    "error_of",
]
