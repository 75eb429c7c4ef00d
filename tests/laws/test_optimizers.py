"""Laws of every optimizer that is registered: one table must reach the bottom of a bowl and of a curved valley."""

import numpy as np
import pytest

from deltarule.formulas import SGD, AdaGrad, Adam, Momentum, RMSProp, registered

FORMS = [
    *(cls() for cls in registered("optimizer")),
    Momentum(velocity="gradients"),
    Momentum(velocity="gradients", dampening=0.9),
    Adam(epsilon_place="inside"),
    Adam(epsilon_place="before_correction"),
]
RATES = {"sgd": (0.1, 1e-3), "momentum": (0.03, 2e-4), "adagrad": (1.0, 0.5), "rmsprop": (0.02, 3e-3)}


def at(optimizer, rate):
    """The optimizer at a rate, larger where dampening makes its steps smaller."""
    return optimizer.replace(learning_rate=rate / (1.0 - getattr(optimizer, "dampening", 0.0)))


def descend(optimizer, gradient, w, steps):
    slots = [np.zeros_like(w) for _ in optimizer.slots]
    for t in range(1, steps + 1):
        w, *slots = optimizer.step(w, gradient(w), t, *slots)
    return w


def bowl(w):
    return w * np.array([1.0, 4.0])


def valley(w):
    """Rosenbrock's function, (1 − x)² + 100 (y − x²)²: its bottom is at (1, 1)."""
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_it_reaches_the_bottom_of_a_bowl(optimizer):
    rate = RATES.get(optimizer.name, (0.05, 0.0))[0]
    w = descend(at(optimizer, rate), bowl, np.array([2.0, -1.0]), 3000)
    assert np.abs(w).max() < 0.02


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_it_reaches_the_bottom_of_a_curved_valley(optimizer):
    rate = RATES.get(optimizer.name, (0.0, 0.01))[1]
    w = descend(at(optimizer, rate), valley, np.array([-0.5, 0.5]), 20000)
    assert w == pytest.approx(np.ones(2), abs=0.05)


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_a_step_on_zeros_gives_zeros(optimizer):
    zeros = np.zeros(4)
    for result in optimizer.step(zeros, zeros, 1, *([zeros] * len(optimizer.slots))):
        assert not np.any(result)


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_numbers_and_arrays_agree(optimizer):
    generator = np.random.default_rng(0)
    w, g, *slots = np.abs(generator.normal(size=(2 + len(optimizer.slots), 5)))
    for many, one in zip(
        optimizer.step(w, g, 3, *slots), optimizer.step(w[2], g[2], 3, *(s[2] for s in slots)), strict=True
    ):
        assert many[2] == pytest.approx(one, rel=1e-15)


@pytest.mark.parametrize("form", ["steps", "gradients"])
def test_momentum_of_nought_is_gradient_descent(form):
    w, g = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    stepped = Momentum(learning_rate=0.1, momentum=0.0, velocity=form).step(w, g, 1, np.zeros(2))[0]
    assert stepped == pytest.approx(SGD(learning_rate=0.1).step(w, g, 1)[0], rel=1e-15)


@pytest.mark.parametrize("dampening", [0.0, 0.5, 0.9])
def test_both_velocities_are_one_rule_while_the_rate_stays(dampening):
    steps = Momentum(learning_rate=0.03, dampening=dampening)
    start = np.array([2.0, -1.0])
    one = descend(steps, bowl, start, 50)
    other = descend(steps.replace(velocity="gradients"), bowl, start, 50)
    assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("optimizer", [AdaGrad(epsilon=0.0), RMSProp(epsilon=0.0), Adam(epsilon=0.0)], ids=repr)
def test_the_scale_of_the_loss_is_not_seen(optimizer):
    start = np.array([2.0, -1.0])
    one = descend(optimizer, bowl, start, 20)
    other = descend(optimizer, lambda w: 1000 * bowl(w), start, 20)
    assert one == pytest.approx(other, rel=1e-12)


def test_the_forms_of_adam_agree_without_epsilon():
    start = np.array([2.0, -1.0])
    ends = [
        descend(Adam(epsilon=0.0, epsilon_place=place), bowl, start, 50)
        for place in ("outside", "inside", "before_correction")
    ]
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)
    assert ends[0] == pytest.approx(ends[2], rel=1e-12)
