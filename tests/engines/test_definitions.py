"""Every instruction does what its definition says: from the same memory, both leave the same numbers behind."""

from __future__ import annotations

import ctypes
import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from tests.engines.recipes import problems
from tests.laws.test_network_parts import coded_problem, network_of

import deltarule as dr
from deltarule.engines.compiled.plan import instruction as instructions
from deltarule.engines.compiled.plan import layout, lists
from deltarule.engines.compiled.plan.instruction import Instruction, Work
from deltarule.engines.compiled.plan.layers import Wait
from deltarule.engines.compiled.plan.step import Writer
from deltarule.engines.compiled.plan.tables import Thread
from deltarule.engines.compiled.runtime.engine import Compiled
from deltarule.formulas.random import permutation
from deltarule.native.structs import Record, packed
from deltarule.training.preparing import prepared


def of_instructions():
    """All classes of instructions, those in modules that were imported."""
    return {cls for cls in Instruction.__subclasses__() if not inspect.isabstract(cls)}


class Bench:
    """An engine's plans, instruction by instruction, on the batches of one epoch."""

    def __init__(self, problem, threads, precision="float64"):
        recipe = problem.recipe
        self.engine = engine = Compiled(problem, precision, threads)
        self.single = precision != "float64"
        self.team, self.run = engine._team, engine._run
        self.size = min(recipe.batch_size, len(problem.train))
        chosen = np.arange(len(problem.train)) if problem.train.rows is None else problem.train.rows
        engine._order._rows[:] = chosen[permutation(recipe.seed, 0, len(chosen))]
        engine._factors, engine._record = engine._factors_of(1, 64), np.zeros(64)
        self.run.set(record=engine._record.ctypes.data)
        self.threads = [Record(Thread, at=row) for row in self.team._table]
        self.arenas = [engine._arena, *self.team._passages]
        self.memory = [self.team._parameters, self.team._table, engine._progress.words, engine._record]
        self.memory += [array for arena in self.arenas for array in arena.lasting]
        self.memory += [self.team._pairs]
        self.scratch = [array for arena in self.arenas for array in arena.scratch]

    def begin(self, first, size, step):
        """Give all threads a batch."""
        for thread in self.threads:
            thread.set(first=first, size=size, step=step, place=step - 1)
        self.team.ready(step - 1)

    def work(self, thread):
        found = [arena.names.things.get for arena in self.arenas]
        return Work(self.run, thread, lambda address: next(each for of in found if (each := of(address)) is not None))

    def state(self):
        return [array.copy() for array in self.memory]

    def restore(self, state):
        for array, before in zip(self.memory, state, strict=True):
            array[...] = before

    def plans(self, field, last_first=False):
        """The threads' instructions in an order in which they may be executed: all threads up to each wait."""
        waiting = [
            (thread, iter(plans[field]))
            for thread, plans in zip(self.threads, self.team.plans, strict=True)
            if field in plans
        ]
        if last_first:
            waiting.reverse()
        while waiting:
            going_on = []
            for thread, plan in waiting:
                for each in plan:
                    if isinstance(each, Wait):
                        each.define(self.work(thread))
                        going_on.append((thread, plan))
                        break
                    yield thread, each
            waiting = going_on

    def execute(self, instruction, thread):
        words = np.array(packed(instruction), np.int64)
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(instructions.compiled(type(instruction)))
        function(words.ctypes.data, thread.address)

    def define(self, instruction, thread):
        self.team.ready(int(thread["step"]) - 1)
        with np.errstate(all="ignore"):
            instruction.define(self.work(thread))

    def check(self, field):
        """Execute and define each instruction in turn; then define all of them, the last thread before the others.

        Between two waits threads may run in any order: where one is missing, the two orders differ.
        """
        start = self.state()
        for thread, instruction in self.plans(field):
            before = self.state()
            self.execute(instruction, thread)
            executed = self.state()
            self.restore(before)
            self.define(instruction, thread)
            self.compare(executed, instruction)
            self.restore(executed)
        if self.single:
            return  # whose differences in rounding the following instructions make larger
        end, scratch = self.state(), [array.copy() for array in self.scratch]
        self.restore(start)
        for array in self.scratch:
            array.view(np.uint8)[...] = 255  # NaN: what the compiled plan left there must not help
        for thread, instruction in self.plans(field, last_first=True):
            self.define(instruction, thread)
        self.compare(end, field)
        for array, before in zip(self.scratch, scratch, strict=True):
            array[...] = before
        self.restore(end)

    def compare(self, expected, what):
        for array, numbers in zip(self.memory, expected, strict=True):
            if array.tobytes() == numbers.tobytes() or array is self.team._pairs:
                continue  # weights that differ in the last bit may be rounded otherwise; see `test_bfloat16`
            numbered = [np.float32] * self.single + [np.float64, np.int64]
            assert array.dtype in numbered, f"{what}: bits differ"
            if array.dtype == np.int64:
                array, numbers = array.view(np.float64), numbers.view(np.float64)  # words may be numbers
            bounds = {"rtol": 1e-4, "atol": 1e-6} if self.single else {"rtol": 1e-10, "atol": 1e-12}
            np.testing.assert_allclose(array, numbers, **bounds, err_msg=f"{what}")


def checked(recipe, data, threads, record="batch", precision="float64"):
    """Check the plans of a recipe."""
    check_plans(Bench(prepared(recipe, data, record=record)[0], threads, precision))


def check_plans(bench):
    """Two steps, and a block of each set that is evaluated."""
    n = len(bench.engine.problem.train)
    for step, first in enumerate((0, bench.size if bench.size < n else 0), start=1):
        bench.begin(first, min(bench.size, n - first), step)
        bench.check("training")
    sets = {"train_evaluation": bench.engine.problem.train, "validation": bench.engine.problem.validation}
    for field, samples in sets.items():
        if samples is not None:
            bench.begin(1, min(len(samples) - 1, 7), 3)
            bench.check(field)


X = np.random.default_rng(0).normal(size=(40, 11))
CLASSES = dr.Dataset(train=(X, np.arange(40) % 3, X[:, 0] ** 2 + 0.1), validation=(X[:9], np.arange(9) % 3))
NUMBERS = dr.Dataset(train=(X, X[:, :1] + 1.0), validation=(X[:9], X[:9, :1]))
IMAGES = dr.Dataset(train=((np.abs(X[:, :1]) * np.arange(63) * 4 % 250).reshape(40, 7, 9), np.arange(40) % 3))

SMOOTHED = dr.SoftmaxCrossEntropy(label_smoothing=0.1)


def recipe(hidden=(40, 16), batch_size=13, network=None, **changes):
    network = dr.Network(hidden=hidden, activation="tanh", bias_initializer="glorot_uniform", **(network or {}))
    return dr.Recipe(network=network, batch_size=batch_size, epochs=2, evaluate_train=True, **changes)


CHOSEN = {
    "plain": (recipe(), CLASSES, "batch"),
    "one output": (recipe(loss="huber", hidden=(40,)), NUMBERS, "batch_after"),
    "batch normalization": (
        recipe(
            network={"normalization": dr.BatchNormalization(), "dropout": 0.3}, averaging=dr.ExponentialAverage(0.6)
        ),
        CLASSES,
        "batch_after",
    ),
    "layer normalization": (recipe(network={"normalization": dr.LayerNormalization()}), CLASSES, "batch"),
    "limits": (
        recipe(
            clipping=dr.ClipByNorm(0.1),
            constraint=dr.MaxNorm(0.7),
            averaging=dr.ExponentialAverage(0.6),
            penalty=dr.L2(0.1, per_batch=True),
        ),
        CLASSES,
        "batch",
    ),
    "noise": (recipe(network={"noise": 0.2, "dropout": 0.2}, penalty=dr.L1(0.01, proximal=True)), CLASSES, "batch"),
    "noise before the activations": (
        recipe(
            network={"noise": [0.1, 0.3, 0.2], "dropout": [0.0, 0.2, 0.0], "noise_before_activation": True}
            | {"parametric_activation": 0.7, "normalization": "batch"}
        ),
        CLASSES,
        "batch",
    ),
    "factors and slopes": (
        recipe(
            network={"input_scale": True, "parametric_activation": 0.7, "dropout": 0.2, "parametrization": "ntk"},
            optimizer=dr.AdamW(weight_decay=0.1),
            decay_schedule=dr.Milestones((0.1,), factor=0.5),
            dropout_schedule=dr.Milestones((0.1,), factor=0.5),
            groups={"biases": 0.1, "scale": 6.0, "slopes": 0.1},
        ),
        CLASSES,
        "batch_after",
    ),
    "perturbation": (recipe(perturbation=dr.FastGradient(0.3)), CLASSES, "batch"),
    "perturbation with all else": (
        recipe(
            network={"input_scale": True, "parametric_activation": 0.7, "dropout": [0.1, 0.2, 0.3], "noise": 0.1}
            | {"normalization": dr.BatchNormalization()},
            perturbation=dr.FastGradientSign(0.1),
            averaging=dr.ExponentialAverage(0.6),
        ),
        NUMBERS,
        "batch_after",
    ),
    "embeddings": (
        recipe(network={"embedding": dr.PBLD(frequencies=5, outputs=2), "dropout": [0.2, 0.0, 0.0]}),
        CLASSES,
        "batch_after",
    ),
    "factors and slopes with all else": (
        recipe(
            network={"input_scale": True, "parametric_activation": 0.7, "dropout": [0.1, 0.2, 0.3], "noise": 0.1}
            | {"normalization": dr.BatchNormalization(), "embedding": "pbld"},
            clipping=dr.ClipByNorm(0.1),
            constraint=dr.MaxNorm(0.7),
            averaging=dr.ExponentialAverage(0.6),
        ),
        NUMBERS,
        "batch",
    ),
    "members": (
        recipe(
            network={"members": 3, "dropout": [0.2, 0.1, 0.1], "noise": [0.0, 0.1, 0.0], "input_scale": True},
            clipping=dr.ClipByNorm(0.1),
            penalty=dr.L2(0.1, per_batch=True),
            averaging=dr.ExponentialAverage(0.6),
        ),
        CLASSES,
        "batch_after",
    ),
    "members with slopes": (
        recipe(
            network={"members": 2, "parametric_activation": 0.7, "embedding": "pbld"},
            loss=dr.HalfSquaredError(inverse_link="tanh"),
            groups={"members": 0.3, "biases": [0.1, 0.2, 0.3]},
        ),
        NUMBERS,
        "batch",
    ),
    "members, mini": (
        recipe(
            hidden=(40, 20), network={"members": 3, "member_form": "mini", "dropout": [0.1, 0.0, 0.2]}, loss=SMOOTHED
        ),
        CLASSES,
        "batch",
    ),
    "a formula's own step": (recipe(optimizer=dr.Muon()), CLASSES, "batch"),
    "features": (recipe(augmentation=(dr.FeatureNoise(0.1), dr.Mixup())), CLASSES, "batch"),
    "images": (
        recipe(augmentation=("rotation", dr.Elastic(probability=0.7), "brightness", "gaussian_noise")),
        IMAGES,
        "batch",
    ),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CHOSEN)
def test_chosen_plans_do_what_their_definitions_say(name, threads):
    checked(*CHOSEN[name][:2], threads, CHOSEN[name][2])


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", CHOSEN)
def test_layers_divided_by_rows_do_what_their_definitions_say(name, threads, monkeypatch):
    monkeypatch.setattr(layout, "by_rows", lambda *_: True)
    checked(*CHOSEN[name][:2], threads, CHOSEN[name][2])


def test_a_missing_wait_is_seen(monkeypatch):
    monkeypatch.setattr(Writer, "_by_rows", lambda *_: True)
    with pytest.raises(AssertionError):
        checked(*CHOSEN["plain"][:2], 2)


def coded(part="all"):
    """A problem with numbers, codes of categories, and another input."""
    network = network_of(part, hidden=(20,), dropout=[0.2, 0.1], noise=[0.1, 0.0], input_scale=True)
    return coded_problem(network, optimizer=dr.AdamW(0.01), clipping=dr.ClipByNorm(1.0))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("part", ["all", "piecewise_linear", "rectified", "periodic", "not rectified"])
def test_plans_with_codes_and_embeddings_do_what_their_definitions_say(part, threads):
    check_plans(Bench(coded(part), threads))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["plain", "one output", "batch normalization", "limits"])
def test_products_of_a_plan_round_their_operands_to_bfloat16(name, threads):
    checked(*CHOSEN[name][:2], threads, CHOSEN[name][2], "bfloat16")


def test_a_definition_without_rounding_differs(monkeypatch):
    monkeypatch.setattr(instructions, "multiply_in_pairs", lambda a, b, start: start + a @ b)
    with pytest.raises(AssertionError, match="Forward"):
        checked(*CHOSEN["plain"][:2], 1, precision="bfloat16")


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(problems())
def test_drawn_plans_do_what_their_definitions_say(problem):
    checked(*problem, 1 + problem[0].seed % 2)


def test_the_chosen_plans_hold_every_instruction(monkeypatch):
    monkeypatch.setattr(lists, "_LEAST", 1)
    problems = [prepared(recipe, data, record=record)[0] for recipe, data, record in CHOSEN.values()]
    chosen = [Bench(problem, 2).team.plans for problem in (*problems, coded())]
    met = {type(each) for plans in chosen for of_thread in plans for plan in of_thread.values() for each in plan}
    assert met == of_instructions()
