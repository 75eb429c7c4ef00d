"""Laws of every schedule that is registered."""

import numpy as np
import pytest

from deltarule.errors import RecipeError
from deltarule.formulas import (
    CosineDecay,
    CosineRestarts,
    LinearToZero,
    OneCycle,
    PolynomialDecay,
    ReduceOnPlateau,
    WarmUp,
    formula,
    registered,
)

TOTAL = 240
T = np.arange(1, TOTAL + 1)
FORMS = [
    *(cls() for cls in registered("schedule")),
    *(cls(every=7) for cls in registered("schedule") if hasattr(cls, "every")),
    PolynomialDecay(power=2.0, end=0.1, steps=50),
    CosineDecay(end=0.1, steps=50),
    CosineRestarts(period=30),
    CosineRestarts(period=16, growth=2.0, shrink=0.5, end=0.01),
    CosineRestarts(period=10, growth=1.5),
    OneCycle(shape="linear", peak=0.5),
    WarmUp(20, then="cosine"),
    WarmUp(20, then=WarmUp(10, then=ReduceOnPlateau())),
]
FALLING = ("step", "exponential", "inverse_time", "polynomial", "linear_to_zero", "cosine")


@pytest.mark.parametrize("schedule", FORMS, ids=repr)
def test_rates_lie_between_0_and_1(schedule):
    rates = schedule.rate(T, TOTAL, *schedule.start)
    assert rates.shape == T.shape
    assert ((rates >= 0) & (rates <= 1 + 1e-15)).all()


@pytest.mark.parametrize("schedule", FORMS, ids=repr)
def test_a_number_and_an_array_agree(schedule):
    rates = schedule.rate(T, TOTAL, *schedule.start)
    for t in (1, 2, 20, 21, 99, TOTAL):
        for number in (t, float(t)):
            assert float(schedule.rate(number, TOTAL, *schedule.start)) == pytest.approx(rates[t - 1], rel=1e-14)


@pytest.mark.parametrize("schedule", [each for each in FORMS if each.name in FALLING], ids=repr)
def test_a_decay_begins_at_1_and_never_rises(schedule):
    rates = schedule.rate(T, TOTAL)
    assert rates[0] == 1
    assert (np.diff(rates) <= 0).all()


@pytest.mark.parametrize("schedule", FORMS, ids=repr)
@pytest.mark.parametrize("total", [1, 2, 3])
def test_runs_of_a_few_steps_have_rates(schedule, total):
    rates = schedule.rate(np.arange(1, total + 1), total, *schedule.start)
    assert np.isfinite(rates).all()


@pytest.mark.parametrize("schedule", FORMS, ids=repr)
def test_it_is_data_that_nests(schedule):
    assert formula("schedule", schedule.to_json()) == schedule


def test_what_is_no_schedule_is_refused():
    with pytest.raises(RecipeError, match="schedule"):
        WarmUp(10, then="cosin")
    with pytest.raises(RecipeError, match="an integer"):
        WarmUp(10.5)
    with pytest.raises(RecipeError, match="an integer"):
        WarmUp(steps=True)
    with pytest.raises(RecipeError, match="at least 1"):
        WarmUp(0)


def test_a_line_is_a_polynomial_and_a_half_way_cosine():
    assert LinearToZero().rate(T, TOTAL) == pytest.approx(PolynomialDecay().rate(T, TOTAL), rel=1e-15)
    flat = LinearToZero(flat=0.75).rate(T, TOTAL)
    assert (flat[:181] == 1.0).all()
    assert flat[180:] == pytest.approx(LinearToZero().rate(np.arange(1, 61), 60), rel=1e-12)
    assert CosineDecay().rate(121, TOTAL) == pytest.approx(0.5)


def test_restarts_of_growing_periods_begin_where_the_last_one_ended():
    rates = CosineRestarts(period=10, growth=2.0).rate(T, TOTAL)
    assert np.flatnonzero(rates == 1).tolist() == [0, 10, 30, 70, 150]
    halves = CosineRestarts(period=10, growth=2.0, shrink=0.5).rate(T, TOTAL)
    assert halves[[0, 10, 30, 70, 150]].tolist() == [1, 0.5, 0.25, 0.125, 0.0625]


def test_restarts_count_periods_exactly_on_long_runs():
    for growth in (2.0, 3.0):
        begun, length = 0, 7
        for _ in range(12):
            assert CosineRestarts(period=7, growth=growth).rate(begun + 1, 10**9) == 1
            assert CosineRestarts(period=7, growth=growth).rate(begun + length, 10**9) < 0.2
            begun, length = begun + length, int(length * growth)


def test_a_warm_up_rises_to_1_and_hands_over():
    rates = WarmUp(20, first=0.2, then="linear_to_zero").rate(T, TOTAL)
    assert rates[0] == pytest.approx(0.2)
    assert rates[:21] == pytest.approx(np.linspace(0.2, 1, 21))
    assert rates[20:] == pytest.approx(LinearToZero().rate(np.arange(1, 221), 220))


def watched(schedule, losses):
    state, rates = schedule.start, []
    for loss in losses:
        state = schedule.watch(loss, *state)
        rates.append(float(schedule.rate(1, 10, *state)))
    return rates


def test_a_plateau_lowers_the_rate_and_rests():
    still = [1.0] * 9
    assert watched(ReduceOnPlateau(0.5, patience=2), still) == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625]
    resting = ReduceOnPlateau(0.5, patience=2, cooldown=2)
    assert watched(resting, still) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert watched(ReduceOnPlateau(0.5, patience=1, smallest=0.3), still[:4]) == [1, 0.5, 0.3, 0.3]


def test_only_schedules_that_watch_say_so():
    assert [each.name for each in FORMS if each.watches] == ["reduce_on_plateau", "warm_up"]
    assert watched(WarmUp(1, then=ReduceOnPlateau(0.5, patience=1)), [1.0, 1.0])[-1] == pytest.approx(0.1)


def test_small_improvements_are_none():
    losses = 0.9999 ** np.arange(30)
    assert min(watched(ReduceOnPlateau(patience=5, min_improvement=0.0), losses)) == 1
    assert min(watched(ReduceOnPlateau(patience=5, min_improvement=0.1), losses)) < 1
    assert min(watched(ReduceOnPlateau(patience=5, min_improvement=5e-5, relative=True), losses)) == 1
