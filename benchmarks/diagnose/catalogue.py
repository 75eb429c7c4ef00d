"""Runs of the catalogue: train with a fault, diagnose, and note what came first."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import deltarule as dr
from benchmarks.diagnose.faults import FAULTS, Fault
from benchmarks.diagnose.samples import SETTINGS, Setting
from deltarule.errors import DataWarning, Diverged, SeedsWarning
from deltarule.studies.diagnose.attempts import attempted
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.diagnosing import examined
from deltarule.studies.diagnose.diagnosis import Diagnosis

HEALTHY = "healthy"
STRENGTHS = ("weak", "medium", "strong")


@dataclass(frozen=True)
class Result:
    """What a diagnosis found: the checks of its findings, in order, with their severities."""

    fault: str
    setting: str
    strength: str
    seed: int
    found: tuple[str, ...]
    severities: tuple[str, ...]

    @property
    def first(self) -> str:
        """The first finding; notes do not count."""
        return next((name for name, each in zip(self.found, self.severities, strict=True) if each != "note"), "none")

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What was diagnosed."""
        return self.fault, self.setting, self.strength, self.seed


@dataclass(frozen=True)
class Trial:
    """The first remedy of a fault, tried: the mean validation scores, their difference with its interval, and p."""

    fault: str
    setting: str
    remedy: str
    before: float
    after: float
    low: float
    high: float
    p: float
    seeds: int
    failed_before: int
    failed_after: int
    helped: bool
    harmed: bool


def diagnosed(setting: Setting) -> Diagnosis:
    """Train, and diagnose in full but for the learning curve, which is a note."""
    data = setting.data
    try:
        run = dr.train(setting.recipe, data, n_threads=1)
    except Diverged as error:
        run = error.run
    return examined(Case(run.model, data, run.history, run.status), without=("more-data",))


def made(fault: Fault | None, name: str, strength: int, seed: int) -> Setting:
    """A setting with a fault, or a healthy one."""
    setting = SETTINGS[name](seed)
    return setting if fault is None else fault.apply(setting, strength, np.random.default_rng(seed + 7))


def results(
    names: Sequence[str], strengths: Sequence[int], seeds: Sequence[int], known: set[tuple[str, str, str, int]]
) -> Iterator[Result]:
    """Yield the result of each fault with each strength and seed on each of its data sets; `healthy` is one of them."""
    chosen: list[Fault | None] = [each for each in FAULTS if each.name in names]
    chosen += [None] * (HEALTHY in names)
    for seed in seeds:
        for fault in chosen:
            for name in SETTINGS if fault is None else fault.settings:
                for strength in (0,) if fault is None else strengths:
                    key = (
                        HEALTHY if fault is None else fault.name,
                        name,
                        "" if fault is None else STRENGTHS[strength],
                        seed,
                    )
                    if key in known:
                        continue
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        found = diagnosed(made(fault, name, strength, seed)).findings
                    yield Result(
                        *key, tuple(each.check for each in found), tuple(map(str, (each.severity for each in found)))
                    )


def trials(seeds: int, names: Sequence[str]) -> Iterator[Trial]:
    """Yield the first remedy of each strong fault whose remedy changes the recipe, tried on its first data set."""
    for fault in FAULTS:
        if not fault.tried or fault.name not in names:
            continue
        name = fault.settings[-1] if len(fault.settings) > 1 and fault.settings[-1] != "friedman" else fault.settings[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (DataWarning, SeedsWarning))
            setting = made(fault, name, 2, 0)
            found = diagnosed(setting)
            first = next((each for each in found.findings if each.check in fault.expected), None)
            remedies = [] if first is None else [each for each in first.remedies if each.change][:1]
            for tried in attempted(remedies, setting.recipe, setting.data, seeds=seeds):
                yield Trial(
                    fault.name,
                    name,
                    str(tried.remedy),
                    tried.before,
                    tried.after,
                    tried.difference[1],
                    tried.difference[2],
                    tried.p,
                    tried.seeds,
                    tried.failed_before,
                    tried.failed_after,
                    tried.helped,
                    tried.harmed,
                )


class Store:
    """A file of JSON lines, one for each result, so that an interrupted benchmark continues."""

    def __init__(self, path: Path, kind: type[Result] | type[Trial]) -> None:
        self.path, self.kind = path, kind

    def read(self) -> list[Result] | list[Trial]:
        """The results so far."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        fields = [json.loads(line) for line in lines]
        lists = [{name: tuple(v) if isinstance(v, list) else v for name, v in each.items()} for each in fields]
        return [self.kind(**each) for each in lists]  # type: ignore[return-value]

    def add(self, result: Result | Trial) -> None:
        """Append a result."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")
