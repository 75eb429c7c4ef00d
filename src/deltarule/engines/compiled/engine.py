"""The compiled engine: a problem laid out in memory, a team of threads, and the machine set going."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.mapped import TOGETHER, forget
from deltarule.engines.compiled import fork_join, machine
from deltarule.engines.compiled.formulas import Formulas
from deltarule.engines.compiled.instructions import Setting, Shared, Total
from deltarule.engines.compiled.memory import Arena
from deltarule.engines.compiled.order import Order
from deltarule.engines.compiled.pace import Pace
from deltarule.engines.compiled.source import Source
from deltarule.engines.compiled.team import BLOCK, Team
from deltarule.engines.compiled.threads import chosen_threads, threads_for
from deltarule.engines.compiled.tiles import tiles
from deltarule.engines.problem import Figure, Figures, Problem, Progress, StopRequested, Sums, never
from deltarule.engines.rates import Rates
from deltarule.errors import ThreadsWarning
from deltarule.formulas.random import Floats, key

__all__ = ["Compiled"]

# Epochs whose figures are kept before the interpreter looks at them, and the time it leaves the machine alone, less of
# it while another number of threads is tried.
_AHEAD, _CALL_SECONDS, _TRIAL_SECONDS = 1024, 0.05, 0.0125


class Compiled:
    """Train a problem without the interpreter, `seconds` at a time."""

    def __init__(self, problem: Problem, precision: str = "float32", n_threads: int | None = None) -> None:
        steppers, most = threads_for(problem) if n_threads is None else (chosen_threads(n_threads),) * 2
        self.problem = problem
        self.finished = False
        self._arena = Arena(precision)
        self._formulas = Formulas(self._arena, problem, most)
        self._order = Order(problem)
        self._sources = self._first_sources()
        self._shared = np.zeros(Shared.COUNT, np.int64)
        self._totals = np.zeros(Total.COUNT)
        rule = problem.recipe.stopping
        by_score = rule is not None and rule.monitor == "score"
        self._totals[Total.BEST] = -math.inf if by_score else math.inf
        self._rates, self._factors = Rates(problem), np.zeros(0)
        self._figures = np.zeros((_AHEAD, Figure.COUNT))
        self._record, self._recorded = np.zeros(0), np.zeros(0)
        self._step_seconds, self._unreported = math.inf, 0.0
        self._rows = min(problem.recipe.batch_size, len(problem.train))
        self._settings = self._first_settings()
        self._pace = Pace([most] if n_threads is not None or most == 1 else [most, 1])
        self._steppers = steppers
        self._teams: dict[int, Team] = {}
        self._team = self._team_of(most)
        begun = problem.begun
        self._team.start(problem.theta, begun.slots)
        self._shared[Shared.EPOCH], self._shared[Shared.STEP] = begun.epoch, begun.step
        self._interruption: BaseException | None = None

    @property
    def best_epoch(self) -> int:
        """The epoch that early stopping likes best; 0 where it does not watch."""
        return int(self._shared[Shared.BEST_EPOCH])

    @property
    def theta(self) -> npt.NDArray[Any]:
        """θ after the last step."""
        return self._team.theta

    @property
    def progress(self) -> Progress:
        """What another engine needs, beside `theta`, to go on after the last whole epoch."""
        slots = tuple(slot.astype(np.float64) for slot in self._team.slots)
        return Progress(int(self._shared[Shared.EPOCH]), int(self._shared[Shared.STEP]), slots)

    @property
    def best_theta(self) -> npt.NDArray[Any]:
        """θ after the best epoch, or after the last finite one where none is watched for."""
        return self._team.best_theta

    def begin(self, theta: Floats) -> None:
        """Go on from another θ, with slots of 0."""
        self._team.start(theta, self.problem.begun.slots)
        self.finished, self._shared[Shared.FINISHED] = False, 0

    def advance(self, epochs: int, seconds: float, interrupted: StopRequested = never) -> Figures:
        """Run at least one epoch and at most `epochs`, for about `seconds` at the longest, or until interrupted."""
        tables: list[Floats] = []
        losses: list[Floats] = []
        done, end = 0, time.perf_counter() + seconds
        while self._goes_on and (not done or (done < epochs and time.perf_counter() < end)) and not interrupted():
            left = min(epochs - done, _AHEAD)
            epoch = int(self._shared[Shared.EPOCH])
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

    @property
    def _goes_on(self) -> bool:
        return not self.finished and self._interruption is None

    def _advance(self, epoch: int, epochs: int) -> Floats:
        """One call of the machine: some steps, and the figures of the epochs that ended with them."""
        shared, recording = self._shared, self.problem.record is not None
        began, step = time.perf_counter(), int(shared[Shared.STEP])
        budget = max(16, int((_TRIAL_SECONDS if self._pace.trying else _CALL_SECONDS) / self._step_seconds))
        if self.problem.stretch is not None:
            budget = max(1, min(budget, TOGETHER // (self.problem.train.x[:1].nbytes * self._rows)))
        if recording:
            self._record = np.zeros(budget)
            self._settings[Setting.RECORD] = self._record.ctypes.data
        shared[Shared.BUDGET], shared[Shared.DONE], shared[Shared.RECORDED] = budget, 0, 0
        shared[Shared.UNTIL] = min(epoch + (1 if self._rates.watching else epochs), self._order.until)
        self._factors = self._rates.ahead(step + 1, budget)
        self._settings[Setting.RATES] = self._factors.ctypes.data
        self._run()
        elapsed, steps = time.perf_counter() - began, int(shared[Shared.STEP]) - step
        if steps:
            self._step_seconds = elapsed / steps
            self._go_on(elapsed)
        self._unreported += elapsed
        if recording:
            self._recorded = np.concatenate([self._recorded, self._record[: shared[Shared.RECORDED]]])
        self.finished = bool(shared[Shared.FINISHED])
        done = int(shared[Shared.DONE])
        table = self._figures[:done].copy()
        if done:
            table[:, Figure.SECONDS], self._unreported = self._unreported / done, 0.0
            self._rates.watch(Sums(*table[-1, Figure.VALIDATION_WEIGHT : Figure.PENALTY]))
        return table

    def _losses_of(self, epoch: int) -> Floats:
        """The batches' losses of an epoch, which the machine counts from 0."""
        batches = self._order.batches(epoch)
        losses, self._recorded = self._recorded[:batches], self._recorded[batches:]
        return losses

    def _run(self) -> None:
        """Run all threads of the team; this one alone where the system starts no others."""
        step = int(self._shared[Shared.STEP])
        self._team.ready(step)
        if not self._run_team():
            came = f"The system did not start {self._team.threads} threads: training goes on with one."
            self._pace = Pace([1])
            self._change_team(1)
            self._team.ready(step)
            fork_join.together(machine.RUN, self._settings.ctypes.data, 1)
            warnings.warn(came, ThreadsWarning, stacklevel=2)
        forget(self.problem.train.x)
        if self._shared[Shared.STEP] != step:
            self._team.check(int(self._shared[Shared.STEP]))

    def _run_team(self) -> bool:
        """Call the machine in all threads of the team; False where they could not be started.

        Signals that come meanwhile are handled when the machine has returned. What their handlers raise is kept until
        the figures have been stored, so that training can go on.
        """
        threads, aside = self._team.threads, self._team.runs_python
        try:
            return fork_join.together(machine.RUN, self._settings.ctypes.data, threads, aside=aside)
        except MemoryError:
            raise  # of the call itself: nothing has run
        except BaseException as interruption:  # noqa: BLE001 - compiled code raises nothing of its own
            self._interruption = interruption
            return True

    def _go_on(self, elapsed: float) -> None:
        """Choose the team for the next call, by how long the last one took."""
        # Short calls say more of the call than of the steps.
        if elapsed > _TRIAL_SECONDS / 2 or self._pace.untold:
            self._pace.took(self._step_seconds)
        if self._pace.threads != self._team.threads:
            self._change_team(self._pace.threads)

    def _change_team(self, threads: int) -> None:
        """Go on with a team of another size, from where the present one has come."""
        before, self._team = self._team, self._team_of(threads)
        self._team.take_over(before)

    def _team_of(self, threads: int) -> Team:
        """The team of so many threads, ready for the machine."""
        if threads not in self._teams:
            steppers = min(threads, self._steppers)
            self._teams[threads] = Team(self._arena, self.problem, self._formulas, self._sources, threads, steppers)
        team = self._teams[threads]
        team.make_room(self._rows)
        for place, word in team.settings().items():
            self._settings[place] = word
        return team

    def _first_settings(self) -> npt.NDArray[np.int64]:
        """The words that all threads read, but for those of a team."""
        problem, arena = self.problem, self._arena
        recipe, rule, held = problem.recipe, problem.recipe.stopping, problem.validation
        evaluated = [len(problem.train)] * recipe.evaluate_train + ([len(held)] if held is not None else [])
        blocks = sum(-(-samples // BLOCK) for samples in evaluated)
        low, high = key(recipe.seed)
        words = {
            Setting.SHARED: self._shared.ctypes.data,
            Setting.TOTALS: self._totals.ctypes.data,
            Setting.TABLE: arena.hold(tiles(arena.dtype.name)).address,
            Setting.EXECUTE: machine.EXECUTE,
            Setting.ITEM_BYTES: arena.dtype.itemsize,
            Setting.ORDER: self._order.address,
            Setting.LISTED: int(self._order.starts[-1]),
            Setting.ROWS: 0 if problem.train.rows is None else arena.keep(problem.train.rows),
            Setting.SAMPLES: len(problem.train),
            Setting.BATCH_SIZE: recipe.batch_size,
            Setting.SHUFFLED: not self._order.given,
            Setting.STARTS: self._order.starts.ctypes.data,
            Setting.SEED_LOW: int(low),
            Setting.SEED_HIGH: int(high),
            Setting.EVALUATED: recipe.evaluate_train,
            Setting.VALIDATED: held is not None,
            Setting.VALIDATION_SAMPLES: 0 if held is None else len(held),
            Setting.BLOCK: BLOCK,
            Setting.PARTIAL: arena.keep(np.zeros(3 * max(blocks, 1))),
            Setting.FIGURES: self._figures.ctypes.data,
            Setting.WATCHED: rule is not None and held is not None,
            Setting.PATIENCE: 0 if rule is None else rule.patience,
            Setting.BY_SCORE: rule is not None and rule.monitor == "score",
            Setting.MIN_IMPROVEMENT: arena.keep(np.array([0.0 if rule is None else rule.min_improvement])),
            Setting.SAMPLE_WEIGHTS: self._sources["step"].weights,
            Setting.LAST_EPOCH: recipe.epochs,
            Setting.ASCENDING: arena.keep(np.arange(BLOCK)),
        }
        settings = np.zeros(Setting.COUNT, np.int64)
        for place, word in words.items():
            settings[place] = word
        return settings

    def _first_sources(self) -> dict[str, Source]:
        """The parts of the data: to train on under an order, and to be evaluated as they lie."""
        problem, arena = self.problem, self._arena
        sources = {"step": Source(arena, problem.train, problem.scaling, shuffled=True, problem=problem)}
        if problem.recipe.evaluate_train:
            sources["train"] = Source(arena, problem.train, problem.scaling, shuffled=False)
        if problem.validation is not None:
            sources["validation"] = Source(arena, problem.validation, problem.scaling, shuffled=False)
        return sources

    def _follow_order(self) -> None:
        """Point the machine at the epochs of an order that were just taken."""
        self._shared[Shared.BATCH] = 0
        self._settings[Setting.ORDER] = self._order.address
        self._settings[Setting.LISTED] = int(self._order.starts[-1])
        self._settings[Setting.STARTS] = self._order.starts.ctypes.data
        # The machine counts epochs from the run's beginning, the order from its own.
        self._settings[Setting.EPOCH_STARTS] = self._order.epoch_starts.ctypes.data - 8 * self._order.since
        if self._order.largest > self._rows:
            self._rows = self._order.largest
            self._team.make_room(self._rows)
