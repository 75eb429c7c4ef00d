"""The compiled engine: a problem laid out in memory, a team of threads, and calls of the compiled loop."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.plan.formulas import Formulas
from deltarule.engines.compiled.plan.memory import Arena
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import Progress, Run
from deltarule.engines.compiled.runtime.epochs import entry_points
from deltarule.engines.compiled.runtime.order import Order
from deltarule.engines.compiled.runtime.team import BLOCK, Team
from deltarule.engines.compiled.runtime.thread_tuning import Pace, threads_for
from deltarule.engines.problem import Figure, Figures, Problem, StopRequested, Sums, never
from deltarule.engines.rates import Rates
from deltarule.engines.state import EngineState
from deltarule.engines.threads import chosen_threads
from deltarule.errors import ThreadsWarning
from deltarule.formulas.random import key
from deltarule.mapped import TOGETHER, forget
from deltarule.native.structs import Record
from deltarule.native.threads import together
from deltarule.native.tuning import WORTH_SECONDS, tune, tuned_tiles
from deltarule.types import Floats

__all__ = ["Compiled"]

# More epochs than any run has.
_NEVER = 2**62
# Epochs whose figures are kept before Python reads them, and the seconds that a call of the compiled loop takes: fewer
# while another number of threads is tried.
_AHEAD, _CALL_SECONDS, _TRIAL_SECONDS = 1024, 0.05, 0.0125


class Compiled:
    """Train a problem without the interpreter, `seconds` at a time."""

    def __init__(self, problem: Problem, precision: str = "float32", n_threads: int | None = None) -> None:
        steppers, most = threads_for(problem) if n_threads is None else (chosen_threads(n_threads),) * 2
        self.problem = problem
        self.finished = False
        self._precision, self._tiles, self._untuned_seconds = precision, tuned_tiles(precision), 0.0
        self._arena = Arena("float32" if precision == "bfloat16" else precision)
        self._formulas = Formulas(self._arena, problem, most)
        self._order = Order(problem)
        self._sources = self._first_sources()
        self._progress = Record(Progress)
        rule = problem.recipe.stopping
        by_score = rule is not None and rule.monitor == "score"
        self._progress.set(best=-math.inf if by_score else math.inf)
        self._rates = Rates(problem)
        self._schedules = {"rates": self._rates} | {
            f"{name}_rates": Rates(problem, schedule)
            for name in ("decay", "dropout")
            if (schedule := getattr(problem.recipe, f"{name}_schedule")) is not None
        }
        self._factors: dict[str, Floats] = {}
        self._figures = np.zeros((_AHEAD, Figure.COUNT))
        self._record, self._recorded = np.zeros(0), np.zeros(0)
        self._step_seconds, self._unreported = math.inf, 0.0
        self._rows = min(problem.recipe.batch_size, len(problem.train))
        self._run = self._first_run()
        self._train = entry_points().address("train")
        self._pace = Pace([most] if n_threads is not None or most == 1 else [most, 1])
        self._steppers = steppers
        self._teams: dict[int, Team] = {}
        self._team = self._team_of(most)
        self._team.start(problem.theta)
        self._interruption: BaseException | None = None

    @property
    def best_epoch(self) -> int:
        """The best epoch so far by early stopping; 0 without it."""
        return int(self._progress["best_epoch"])

    @property
    def theta(self) -> npt.NDArray[Any]:
        """θ after the last step."""
        return self._team.theta

    @property
    def state(self) -> EngineState:
        """A copy of the state after the last step."""
        progress, team = self._progress.value(), self._team
        return EngineState(
            epoch=progress.epoch,
            batch=self._order.batches_done(progress.epoch, progress.batch),
            step=progress.step,
            finished=self.finished,
            parameters=team.parameters,
            average=None if self.problem.recipe.averaging is None else team.theta,
            best=team.best_theta,
            slots=np.array(team.slots).reshape(-1, self.problem.shape.trained),
            sums=np.array([progress.weight, progress.loss, progress.error]),
            losses=self._recorded.copy(),
            schedule=np.array(self._rates.state, np.float64),
            best_epoch=progress.best_epoch,
            best_value=progress.best,
            seconds=self._unreported,
        )

    def restore(self, state: EngineState) -> None:
        """Continue from a state of an engine of the same problem."""
        self._team.restore(state.parameters, state.average, state.best, list(state.slots))
        weight, loss, error = state.sums.tolist()
        self._progress.set(
            epoch=state.epoch,
            batch=state.batch,
            step=state.step,
            finished=state.finished,
            best_epoch=state.best_epoch,
            best=state.best_value,
            weight=weight,
            loss=loss,
            error=error,
        )
        self.finished, self._recorded, self._unreported = state.finished, state.losses, state.seconds
        self._rates.state = tuple(state.schedule.tolist())
        self._order.begin_at(state.epoch, state.batch)

    def plan_text(self) -> str:
        """What each thread does in a training step, and to evaluate a block of samples: a line for each instruction."""
        return self._team.text(self._arena)

    @property
    def best_theta(self) -> npt.NDArray[Any]:
        """θ after the best epoch, or after the last finite one where none is watched for."""
        return self._team.best_theta

    def begin(self, theta: Floats) -> None:
        """Continue with another θ, with slots of 0."""
        self._team.start(theta)
        self.finished = False
        self._progress.set(finished=False)

    def advance(self, epochs: int, seconds: float, interrupted: StopRequested = never) -> Figures:
        """Run at least one epoch and at most `epochs`, for about `seconds` at the longest, or until interrupted."""
        tables: list[Floats] = []
        losses: list[Floats] = []
        done, end = 0, time.perf_counter() + seconds
        while not done or (done < epochs and time.perf_counter() < end):
            if self.finished or self._interruption is not None or interrupted():
                break
            left = min(epochs - done, _AHEAD)
            epoch = self._progress["epoch"]
            if self._order.given and epoch == self._order.until:
                if not self._order.take(epoch, left):
                    self.finished = True
                    break
                self._follow_order()
            table = self._advance(epoch, left)
            tables.append(table)
            done += len(table)
            if self.problem.record is not None:
                losses += [self._losses_of(epoch + place) for place in range(len(table))]
        interruption, self._interruption = self._interruption, None
        return Figures(np.concatenate([np.zeros((0, Figure.COUNT)), *tables]), losses, interruption)

    def _advance(self, epoch: int, epochs: int) -> Floats:
        """One call of the compiled loop: some steps, and the figures of the epochs that ended with them."""
        progress, recording = self._progress, self.problem.record is not None
        began, step = time.perf_counter(), progress["step"]
        budget = self._budget()
        if recording:
            self._record = np.zeros(budget)
            self._run.set(record=self._record.ctypes.data)
        until = min(epoch + (1 if self._rates.watching else epochs), self._order.until)
        progress.set(budget=budget, until=until, done=0, recorded=0)
        self._factors = self._factors_of(step + 1, budget)
        self._call()
        elapsed, steps = time.perf_counter() - began, progress["step"] - step
        if steps:
            self._step_seconds = elapsed / steps
            self._go_on(elapsed)
        self._unreported += elapsed
        self._untuned_seconds += elapsed
        if self._untuned_seconds >= WORTH_SECONDS:
            self._tune()
        if recording:
            self._recorded = np.concatenate([self._recorded, self._record[: progress["recorded"]]])
        self.finished = bool(progress["finished"])
        done = progress["done"]
        table = self._figures[:done].copy()
        if done:
            table[:, Figure.SECONDS], self._unreported = self._unreported / done, 0.0
            self._rates.watch(Sums(*table[-1, Figure.VALIDATION_WEIGHT : Figure.PENALTY]))
        return table

    def _budget(self) -> int:
        """How many steps the next call of the compiled loop may take."""
        budget = max(16, int((_TRIAL_SECONDS if self._pace.trying else _CALL_SECONDS) / self._step_seconds))
        if self.problem.stretch is None:
            return budget
        return max(1, min(budget, TOGETHER // (self.problem.train.x[:1].nbytes * self._rows)))

    def _factors_of(self, step: int, count: int) -> dict[str, Floats]:
        """The schedules' factors for so many steps; their addresses are passed to the compiled loop."""
        factors = {name: rates.ahead(step, count) for name, rates in self._schedules.items()}
        self._run.set(**{name: array.ctypes.data for name, array in factors.items()})
        return factors

    def _losses_of(self, epoch: int) -> Floats:
        """The batches' losses of an epoch, which the compiled loop counts from 0."""
        batches = self._order.batches(epoch)
        losses, self._recorded = self._recorded[:batches], self._recorded[batches:]
        return losses

    def _call(self) -> None:
        """Run all threads of the team; this one alone where the system starts no others."""
        step = self._progress["step"]
        self._team.ready(step)
        if not self._run_team():
            came = f"The system did not start {self._team.threads} threads: training goes on with one."
            self._pace = Pace([1])
            self._change_team(1)
            self._team.ready(step)
            together(self._train, self._run.address, 1)
            warnings.warn(came, ThreadsWarning, stacklevel=2)
        forget(self.problem.train.x)
        if self._progress["step"] != step:
            self._team.check(self._progress["step"])

    def _run_team(self) -> bool:
        """Call the compiled loop in all threads of the team; False where they could not be started.

        Signals that come meanwhile are handled when it has returned. What their handlers raise is kept until
        the figures have been stored, so that training can go on.
        """
        threads, aside = self._team.threads, self._team.runs_python
        try:
            return together(self._train, self._run.address, threads, aside=aside)
        except MemoryError:
            raise  # of the call itself: nothing has run
        except BaseException as interruption:  # noqa: BLE001 - compiled code raises nothing
            self._interruption = interruption
            return True

    def _tune(self) -> None:
        """Measure for later trainings. What handlers of signals raise meanwhile is kept, as while steps are made."""
        self._untuned_seconds = -math.inf
        try:
            tune(self._precision)
        except MemoryError:
            return  # this training goes on as it is
        except BaseException as interruption:  # noqa: BLE001 - measuring itself raises nothing
            self._interruption = interruption

    def _go_on(self, elapsed: float) -> None:
        """Choose the team for the next call, by how long the last one took."""
        self._pace.took(self._step_seconds, short=elapsed <= _TRIAL_SECONDS / 2)
        if self._pace.threads != self._team.threads:
            self._change_team(self._pace.threads)

    def _change_team(self, threads: int) -> None:
        """Go on with a team of another size, from where the present one has come."""
        before, self._team = self._team, self._team_of(threads)
        self._team.take_over(before)

    def _team_of(self, threads: int) -> Team:
        """The team of so many threads, ready for the compiled loop."""
        if threads not in self._teams:
            steppers, sums = min(threads, self._steppers), self._progress.address_of("weight")
            self._teams[threads] = Team(
                self._arena, self.problem, self._formulas, self._sources, threads, steppers, self._run, sums
            )
        team = self._teams[threads]
        team.make_room(self._rows)
        team.describe_to(self._run)
        return team

    def _first_run(self) -> Record[Run]:
        """What all threads read, except for what the team says."""
        problem, arena = self.problem, self._arena
        recipe, rule, validation = problem.recipe, problem.recipe.stopping, problem.validation
        evaluated = [len(problem.train)] * recipe.evaluate_train + ([len(validation)] if validation is not None else [])
        blocks = sum(-(-samples // BLOCK) for samples in evaluated)
        low, high = key(recipe.seed)
        return Record(
            Run,
            progress=self._progress.address,
            tiles=self._tiles.address,
            item_bytes=arena.dtype.itemsize,
            order=self._order.address,
            listed=int(self._order.starts[-1]),
            rows=0 if problem.train.rows is None else arena.keep(problem.train.rows),
            samples=len(problem.train),
            batch_size=recipe.batch_size,
            shuffled=not self._order.given,
            starts=self._order.starts.ctypes.data,
            seed_low=int(low),
            seed_high=int(high),
            evaluated=recipe.evaluate_train,
            validated=validation is not None,
            validation_samples=0 if validation is None else len(validation),
            block=BLOCK,
            partial=arena.keep(np.zeros(3 * max(blocks, 1))),
            figures=self._figures.ctypes.data,
            watched=rule is not None and validation is not None,
            patience=_NEVER if rule is None or rule.patience is None else rule.patience,
            ties=rule is not None and rule.ties == "last",
            batches=problem.batches,
            by_score=rule is not None and rule.monitor == "score",
            min_improvement=0.0 if rule is None else rule.min_improvement,
            sample_weights=self._sources["step"].weights,
            last_epoch=recipe.epochs,
            ascending=arena.keep(np.arange(BLOCK)),
        )

    def _first_sources(self) -> dict[str, Source]:
        """The parts of the data: samples to train on, in an order, and samples to evaluate in stored order."""
        problem, arena = self.problem, self._arena
        sources = {"step": Source(arena, problem.train, problem.scaling, shuffled=True, problem=problem)}
        if problem.recipe.evaluate_train:
            sources["train"] = Source(arena, problem.train, problem.scaling, shuffled=False)
        if problem.validation is not None:
            sources["validation"] = Source(arena, problem.validation, problem.scaling, shuffled=False)
        return sources

    def _follow_order(self) -> None:
        """Point the compiled loop at the epochs of an order that were just taken."""
        order = self._order
        self._progress.set(batch=order.first_batch)
        self._run.set(
            order=order.address,
            listed=int(order.starts[-1]),
            starts=order.starts.ctypes.data,
            # The loop counts epochs from the run's beginning, the order from its own.
            epoch_starts=order.epoch_starts.ctypes.data - 8 * order.since,
        )
        if self._order.largest > self._rows:
            self._rows = self._order.largest
            self._team.make_room(self._rows)
