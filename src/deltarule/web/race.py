"""A race: several networks trained side by side in a thread, epoch by epoch, with pause, step and speed."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deltarule.errors import DeltaruleError, Diverged
from deltarule.studies.diagnose import diagnose_model
from deltarule.training import Epoch, epochs
from deltarule.training.loop import Training
from deltarule.web.race_picture import Pictures, box_of
from deltarule.web.race_plan import Plan, plane

_FRAME = 0.02
"""Seconds of training between two pictures: with the time to draw them, more than 20 a second."""
_ALONE = 20.0
"""Seconds without a reader after which a race ends, so that a closed page leaves no work behind."""
_LONGEST = 900.0
_POINTS = 400


@dataclass
class Runner:
    """A variant: its networks, one for each seed, and the curves of all of them."""

    trainings: list[Training]
    steps: list[Iterator[Epoch]]
    pictures: Pictures
    curves: list[list[float | None]] = field(default_factory=list)
    status: str = "running"
    error: str = ""
    findings: list[dict[str, str]] | None = None
    picture: dict[str, Any] | None = None
    pictured: int = -1
    """The epoch of the picture."""


@dataclass
class Reader:
    """What a reader of a race has of each variant: a number of epochs, and a picture."""

    epochs: list[int]
    pictures: list[dict[str, Any] | None]

    @classmethod
    def of(cls, variants: int) -> Reader:
        """Return a reader that has nothing."""
        return cls([0] * variants, [None] * variants)


class Race:
    """The networks of a plan, trained in turns: one epoch of every network, then the next."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.id = plan, secrets.token_hex(8)
        self.status, self.error, self.version = "starting", "", 0
        self.runners: list[Runner] = []
        self.speed = 0.0  # epochs a second; 0 is as fast as possible
        self._wake = threading.Condition()
        self._steps, self._done, self._drawn = 0, False, 0.0
        self._read = time.monotonic()

    def control(self, action: str, speed: float = 0.0) -> None:
        """Pause, resume, advance by one epoch, change the speed, or stop."""
        with self._wake:
            if action == "speed":
                self.speed = speed
            elif action == "step" and self.status == "paused":
                self._steps += 1
            elif action in {"pause", "resume", "stop"} and self.status in {"starting", "running", "paused"}:
                self.status = {"pause": "paused", "resume": "running", "stop": "stopped"}[action]
            self.version += 1
            self._wake.notify_all()

    def seen(self) -> None:
        """Note that a reader is there."""
        self._read = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether nothing will be trained or diagnosed any more."""
        return self._done

    def run(self) -> None:
        """Train; runs in a job's thread."""
        try:
            self._prepare()
            self._advance()
        except DeltaruleError as error:
            self.status, self.error = "failed", str(error)
        except Exception:
            logging.getLogger("deltarule.web").exception("Error of a race")
            self.status, self.error = "failed", "The server has an error, which it has logged."
        finally:
            self.version += 1
            self._done = True

    def _prepare(self) -> None:
        plan, runners = self.plan, []
        for recipe in plan.recipes:
            trainings = [epochs(recipe.replace(seed=seed), plan.data, n_threads=1) for seed in range(plan.seeds)]
            runners.append(Runner(trainings, [iter(each) for each in trainings], Pictures(plan.data)))
        self.runners = runners  # all at once: a frame has every variant, or none yet
        self._draw()
        if self.status == "starting":
            self.status = "running"

    def _advance(self) -> None:
        start = time.monotonic()
        while self._may_go_on(start) and any(each.status == "running" for each in self.runners):
            began = time.monotonic()
            for runner in self.runners:
                _one_epoch(runner)
                self._examine(runner)
                if time.monotonic() - self._drawn > _FRAME:
                    self._draw()
            if self.speed or self.status == "paused":
                self._draw()
            self._wait_for_speed(began)
        self._draw()
        for runner in self.runners:
            runner.status = "stopped" if runner.status == "running" else runner.status
            self._examine(runner)
        if self.status != "stopped":
            self.status = "finished"

    def _examine(self, runner: Runner) -> None:
        """Diagnose a variant whose training has ended, once, by the network of its first seed."""
        if runner.status == "running" or runner.findings is not None:
            return
        run = runner.trainings[0].run
        found = diagnose_model(run.model, self.plan.data, run.history, run.status, short=True) if run.history else None
        findings = () if found is None else found.findings
        runner.findings = [{"severity": str(each.severity), "sentence": each.sentence} for each in findings]
        self.version += 1

    def _may_go_on(self, start: float) -> bool:
        """Wait while the race is paused; return whether it goes on."""
        with self._wake:
            while True:
                now = time.monotonic()
                if now - self._read > _ALONE or now - start > _LONGEST:
                    self.status = "stopped"
                if self.status == "stopped":
                    return False
                if self.status == "running":
                    return True
                if self._steps:
                    self._steps -= 1
                    return True
                self._wake.wait(1.0)

    def _wait_for_speed(self, began: float) -> None:
        with self._wake:
            while self.speed and self.status == "running":
                left = 1 / self.speed - (time.monotonic() - began)
                if left <= 0:
                    return
                self._wake.wait(left)

    def _draw(self) -> None:
        """Compute the picture of each variant that has been trained since: a decision surface or a confusion matrix."""
        for runner in self.runners:
            if runner.pictured != len(runner.curves):
                runner.pictured = len(runner.curves)
                runner.picture = runner.pictures.of(runner.trainings[0].model)
        self.version += 1
        self._drawn = time.monotonic()

    def beginning(self) -> dict[str, Any]:
        """Return what a reader needs once: the data and the variants."""
        data = self.plan.data
        points = plane(data)
        shown: dict[str, Any] = {}
        if points is not None:
            classes, codes = np.unique(data.train.y, return_inverse=True)
            rows = slice(0, _POINTS)
            shown = {"points": points[rows].round(4).tolist(), "codes": codes[rows].tolist(), "box": box_of(points)}
            shown["classes"] = [str(each) for each in classes.tolist()]
        counts = {name: len(part) for name, part in data.parts.items()}
        score = "R²" if data.task == "regression" else "accuracy"
        return {"id": self.id, "epochs": self.plan.recipes[0].epochs, "samples": counts, "score": score, **shown}

    def frame(self, reader: Reader) -> dict[str, Any]:
        """Return the state, and of each variant what the reader does not have yet, which it has from then on."""
        variants = []
        for place, runner in enumerate(self.runners):
            since, picture = reader.epochs[place], runner.picture
            curves = runner.curves[since:]
            own = {"status": runner.status, "error": runner.error, "since": since, "curves": curves}
            new = None if picture is reader.pictures[place] else picture
            variants.append({**own, "picture": new, "findings": runner.findings})
            reader.epochs[place], reader.pictures[place] = since + len(curves), picture
        return {"status": self.status, "error": self.error, "variants": variants}


def _one_epoch(runner: Runner) -> None:
    """Train each network of a variant for an epoch, and add to its curves.

    The curves have, for each epoch, the mean, the least and the greatest over the seeds of the training loss, the
    validation loss and the validation score.
    """
    if runner.status != "running":
        return
    ended: list[Epoch] = []
    try:
        for steps in runner.steps:
            epoch = next(steps, None)
            if epoch is None:
                runner.status = "finished"
                return
            ended.append(epoch)
    except Diverged as error:
        runner.status, runner.error = "diverged", str(error)
        return
    row: list[float | None] = []
    for name in ("train_loss", "validation_loss", "validation_score"):
        values = np.array([getattr(each, name) for each in ended])
        finite = bool(np.isfinite(values).all())
        row += [float(f(values)) if finite else None for f in (np.mean, np.min, np.max)]
    runner.curves.append(row)
