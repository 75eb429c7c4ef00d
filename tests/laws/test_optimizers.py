"""Laws of every optimizer that is registered: one table must reach the bottom of a bowl and of a curved valley."""

import copy
import dataclasses
from itertools import count, islice

import numpy as np
import pytest

from deltarule.formulas import (
    SGD,
    AdaGrad,
    Adam,
    Adamax,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    NAdam,
    Nesterov,
    RAdam,
    RMSProp,
    registered,
)

FORMS = [
    *(cls() for cls in registered("optimizer") if cls.granularity == "elementwise"),
    Momentum(velocity="gradients"),
    Momentum(velocity="gradients", dampening=0.9),
    Adam(epsilon_place="inside"),
    Adam(epsilon_place="before_correction"),
    AMSGrad(epsilon_place="before_correction"),
    Adamax(epsilon_place="gradient"),
    Nesterov(velocity="gradients"),
    RMSProp(centered=True),
    RMSProp(epsilon_place="inside"),
    NAdam(momentum_decay=0.0),
]
VELOCITIES = ("steps", "gradients")
USUAL = (0.05, 0.01)
RATES = {
    **dict.fromkeys(("adam", "adamw", "amsgrad", "adamax", "nadam"), USUAL),
    "sgd": (0.1, 1e-3),
    "momentum": (0.03, 2e-4),
    "nesterov": (0.03, 2e-4),
    "lion": (3e-3, 1e-4),
    "adagrad": (1.0, 0.5),
    "adadelta": (0.3, 0.03),
    "rmsprop": (0.02, 3e-3),
    "radam": (0.05, 3e-3),
}
"""The rates for the bowl and for the valley; an optimizer without any has to reach the bottom at one of `GRID`."""
GRID = 10.0 ** np.arange(-4, 1, 0.5)


def reaches(optimizer, surface, gradient, start, bottom, within, steps):
    """Whether it is at the bottom after so many steps, or at two looks in a row of 20 before, at one of its rates.

    All rates descend at once, each larger where dampening makes steps smaller.
    """
    rates = np.array([RATES[optimizer.name][surface]]) if optimizer.name in RATES else GRID
    at_rates = copy.copy(optimizer)
    object.__setattr__(at_rates, "learning_rate", rates / (1.0 - getattr(optimizer, "dampening", 0.0)))
    before = np.zeros(len(rates), bool)
    with np.errstate(**({"all": "ignore"} if len(rates) > 1 else {})):  # the largest rates of the grid may diverge
        path = descent(at_rates, gradient, np.tile(np.array(start)[:, None], len(rates)))
        for w in islice(path, steps // 20 - 1, steps, steps // 20):
            there = (np.abs(w - bottom) < within).all(axis=0)
            if (there & before).any():
                return True
            before = there
    return bool(there.any())


def descent(optimizer, gradient, w):
    """Where it is after each step from w."""
    slots = [np.zeros_like(w) for _ in optimizer.slots]
    for t in count(1):
        w, *slots = optimizer.step(w, gradient(w), t, *slots)
        yield w


def descend(optimizer, gradient, w, steps):
    return next(islice(descent(optimizer, gradient, w), steps - 1, None))


def bowl(w):
    x, y = w
    return np.array([x, 4.0 * y])


def valley(w):
    """Rosenbrock's function, (1 − x)² + 100 (y − x²)²: its bottom is at (1, 1)."""
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_it_reaches_the_bottom_of_a_bowl(optimizer):
    assert reaches(optimizer, 0, bowl, [2.0, -1.0], bottom=0, within=0.02, steps=3000)


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_it_reaches_the_bottom_of_a_curved_valley(optimizer):
    assert reaches(optimizer, 1, valley, [-0.5, 0.5], bottom=1, within=0.05, steps=20000)


def steps_along(optimizer, gradients):
    """The lengths of its steps from 0 slots, in units of the learning rate; where w is does not matter."""
    slots, lengths = [0.0] * len(optimizer.slots), []
    for t, g in enumerate(gradients, start=1):
        w, *slots = optimizer.step(0.0, g, t, *slots)
        lengths.append(-w / optimizer.learning_rate)
    return np.array(lengths)


def counts_steps(optimizer):
    """Whether a step depends on its number."""
    slots = [0.5] * len(optimizer.slots)
    return optimizer.step(1.0, 0.7, 1, *slots) != optimizer.step(1.0, 0.7, 2, *slots)


@pytest.mark.parametrize("optimizer", [each for each in FORMS if counts_steps(each)], ids=repr)
def test_the_step_number_corrects_for_slots_that_begin_at_0(optimizer):
    """Along gradients of one distribution, N(1, ¼), steps are of one size from the first on.

    Slots that begin at 0 and are not corrected, or by another slot's constant, make the first steps some ten times too
    long or too short: 1 / (1 − β₁), or √((1 − β₁) / (1 − β₂)).
    """
    lengths = np.abs(steps_along(optimizer, np.random.default_rng(0).normal(1.0, 0.5, 1000)))
    usual = lengths[-100:].mean()
    assert lengths.max() < 4 * usual
    assert lengths[0] > usual / 4


def rectified(optimizer, g, t):
    """RAdam's steps: g, until ρ is above 5; then r sign(g)."""
    beta, most = optimizer.beta2, 2 / (1 - optimizer.beta2) - 1
    rho = most - 2 * t * beta**t / (1 - beta**t)
    r2 = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
    return np.where(rho > 5, np.sqrt(np.maximum(r2, 0)) * np.sign(g), g)


def ahead(optimizer, g, t):
    """NAdam's steps, with Π multiplied out."""
    beta = optimizer.beta1
    mu = beta * (1 - 0.5 * 0.96 ** (np.arange(1, len(t) + 2) * optimizer.momentum_decay))
    product = np.cumprod(mu)
    return np.sign(g) * (mu[1:] * (1 - beta**t) / (1 - product[1:]) + (1 - mu[:-1]) / (1 - product[:-1]))


PROMISED = {
    **dict.fromkeys(("adam", "adamw", "amsgrad", "adamax", "lion"), lambda _, g, t: np.sign(g) * np.ones_like(t)),
    "nadam": ahead,
    "radam": rectified,
    "sgd": lambda _, g, t: g * np.ones_like(t),
    "momentum": lambda o, g, t: g * (1 - o.dampening) * (1 - o.momentum**t) / (1 - o.momentum),
    "nesterov": lambda o, g, t: g * (1 - o.momentum ** (t + 1)) / (1 - o.momentum),
    "adagrad": lambda _, g, t: np.sign(g) / np.sqrt(t),
    "rmsprop": lambda o, g, t: np.sign(g) / np.sqrt(1 - o.decay**t),
}
"""The length of step t on the constant gradient g, ε being 0, in units of the learning rate."""
CONSTANTS = [{}, {"beta1": 0.5}, {"beta2": 0.9}, {"beta1": 0.0, "beta2": 0.5}, {"momentum": 0.5}, {"decay": 0.5}]


def without_epsilon(optimizer, **constants):
    names = {field.name for field in dataclasses.fields(optimizer)}
    return optimizer.replace(**({"epsilon": 0.0} if "epsilon" in names else {}), **constants)


@pytest.mark.parametrize("g", [-3.0, 0.02])
@pytest.mark.parametrize(
    "optimizer",
    [
        without_epsilon(form, **constants)
        for form in FORMS
        for constants in CONSTANTS
        if form.name in PROMISED and not getattr(form, "centered", False)
        if constants.keys() <= {field.name for field in dataclasses.fields(form)}
        if not (form.name == "rmsprop" and "momentum" in constants)
    ],
    ids=repr,
)
def test_on_a_constant_gradient_steps_are_as_long_as_its_constants_promise(optimizer, g):
    t = np.arange(1.0, 201.0)
    lengths = steps_along(optimizer, np.full(len(t), g))
    assert lengths == pytest.approx(PROMISED[optimizer.name](optimizer, g, t), rel=1e-9)


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


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_gradients_of_nought_and_huge_ones_leave_finite_numbers(optimizer):
    for g in (0.0, 1e-30, 1e30):
        w, slots = np.ones(3), [np.zeros(3) for _ in optimizer.slots]
        for t in (1, 2, 3):
            w, *slots = optimizer.step(w, np.full(3, g), t, *slots)
            assert np.isfinite([w, *slots]).all()
            assert g or optimizer.name == "adamw" or (w == 1).all()


@pytest.mark.parametrize("optimizer", FORMS, ids=repr)
def test_ten_million_steps_later_it_still_steps(optimizer):
    slots = [np.full(3, 0.5) for _ in optimizer.slots]
    for result in optimizer.step(np.ones(3), np.full(3, 0.7), 10_000_000, *slots):
        assert np.isfinite(result).all()


@pytest.mark.parametrize("form", ["steps", "gradients"])
@pytest.mark.parametrize("rule", [Momentum, Nesterov])
def test_momentum_of_nought_is_gradient_descent(rule, form):
    w, g = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    stepped = rule(learning_rate=0.1, momentum=0.0, velocity=form).step(w, g, 1, np.zeros(2))[0]
    assert stepped == pytest.approx(SGD(learning_rate=0.1).step(w, g, 1)[0], rel=1e-15)


@pytest.mark.parametrize("dampening", [0.0, 0.5, 0.9])
def test_both_velocities_are_one_rule_while_the_rate_stays(dampening):
    steps = Momentum(learning_rate=0.03, dampening=dampening)
    start = np.array([2.0, -1.0])
    one = descend(steps, bowl, start, 50)
    other = descend(steps.replace(velocity="gradients"), bowl, start, 50)
    assert one == pytest.approx(other, rel=1e-12)


SCALE_FREE = [
    *(cls(epsilon=0.0) for cls in (AdaGrad, RMSProp, Adam, AdamW, AMSGrad, Adamax, NAdam)),
    RMSProp(epsilon=0.0, momentum=0.9),
    Lion(),
]


@pytest.mark.parametrize("optimizer", SCALE_FREE, ids=repr)
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


def test_both_velocities_of_nesterov_are_one_rule_while_the_rate_stays():
    one, other = (descend(Nesterov(0.03, velocity=form), bowl, np.array([2.0, -1.0]), 50) for form in VELOCITIES)
    assert one == pytest.approx(other, rel=1e-12)


def test_nesterovs_momentum_is_that_of_sutskever_at_the_point_ahead():
    """v ← α v − η ∇f(θ + α v); θ ← θ + v: our w is θ + α v."""
    theta, v = np.array([2.0, -1.0]), np.zeros(2)
    for _ in range(30):
        v = 0.9 * v - 0.03 * bowl(theta + 0.9 * v)
        theta = theta + v
    assert descend(Nesterov(0.03, momentum=0.9), bowl, np.array([2.0, -1.0]), 30) == pytest.approx(theta + 0.9 * v)


def test_decoupled_decay_of_nought_is_adam_and_shrinks_apart_from_the_step():
    start = np.array([2.0, -1.0])
    assert (descend(AdamW(weight_decay=0.0), bowl, start, 20) == descend(Adam(), bowl, start, 20)).all()
    still = descend(AdamW(0.1, weight_decay=0.5), np.zeros_like, start, 3)
    assert still == pytest.approx(start * 0.95**3, rel=1e-14)


def test_amsgrad_is_adam_while_the_second_moment_grows():
    def growing(optimizer):
        w, *slots = np.ones(3), *[np.zeros(3) for _ in optimizer.slots]
        for t in range(1, 20):
            w, *slots = optimizer.step(w, np.full(3, 1.0 * t), t, *slots)
        return w, slots

    assert (growing(AMSGrad())[0] == growing(Adam())[0]).all()
    w, (m, v, h) = growing(AMSGrad())
    *_, fallen, kept = AMSGrad().step(w, np.zeros(3), 20, m, v, h)
    assert (fallen < kept).all()


@pytest.mark.parametrize("decay", [0.0, 4e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("beta1", [0.0, 0.9, 0.999])
def test_the_product_of_nadams_momenta_is_the_product(beta1, decay):
    t = np.arange(1, 1001)
    wanted = np.cumprod(beta1 * (1 - 0.5 * 0.96 ** (t * decay)))
    assert NAdam(beta1=beta1, momentum_decay=decay)._product(t) == pytest.approx(wanted, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_remembers_what_its_fields_ask_for(centered):
    plain, heavy = RMSProp(centered=centered), RMSProp(centered=centered, momentum=1e-15)
    assert heavy.slots == (*plain.slots, "v")
    start = np.array([2.0, -1.0])
    assert descend(heavy, bowl, start, 9) == pytest.approx(descend(plain, bowl, start, 9), rel=1e-12)


@pytest.mark.parametrize("beta2", [0.3, 0.9, 0.999])
def test_radam_is_momentum_until_enough_gradients_were_seen(beta2):
    g, most = 0.7, 2 / (1 - beta2) - 1
    w, m, v = 0.0, 0.0, 0.0
    for t in range(1, 40):
        before = w
        w, m, v = RAdam(0.1, beta2=beta2).step(w, g, t, m, v)
        adapts = most - 2 * t * beta2**t / (1 - beta2**t) > 5
        assert (abs((before - w) - 0.1 * g) > 1e-9) == adapts


M, V = 0.9 * 0.3 + 0.1 * 0.5, 0.99 * 0.04 + 0.01 * 0.25
C1, C2 = 1 - 0.9**2, 1 - 0.99**2


@pytest.mark.parametrize(
    ("optimizer", "slots", "moved"),
    [
        (Adam(0.1, beta2=0.99, epsilon=0.5), (0.3, 0.04), M / C1 / ((V / C2) ** 0.5 + 0.5)),
        (Adam(0.1, beta2=0.99, epsilon=0.5, epsilon_place="inside"), (0.3, 0.04), M / C1 / (V / C2 + 0.5) ** 0.5),
        (
            Adam(0.1, beta2=0.99, epsilon=0.5, epsilon_place="before_correction"), (0.3, 0.04),
            C2**0.5 / C1 * M / (V**0.5 + 0.5),
        ),
        (Adamax(0.1, beta2=0.99, epsilon=0.5), (0.3, 0.4), M / C1 / (0.5 + 0.5)),
        (Adamax(0.1, beta2=0.99, epsilon=0.25, epsilon_place="gradient"), (0.3, 0.4), M / C1 / 0.75),
        (RMSProp(0.1, decay=0.99, epsilon=0.5), (0.04,), 0.5 / (V**0.5 + 0.5)),
        (RMSProp(0.1, decay=0.99, epsilon=0.5, epsilon_place="inside"), (0.04,), 0.5 / (V + 0.5) ** 0.5),
    ],
    ids=str,
)  # fmt: skip
def test_epsilon_stands_where_the_equation_has_it(optimizer, slots, moved):
    """The second step for a gradient of 0.5, with an ε that counts."""
    assert optimizer.step(1.0, 0.5, 2, *slots)[0] == pytest.approx(1.0 - 0.1 * moved, rel=1e-13)
