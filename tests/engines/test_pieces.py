"""Lists of pieces: what threads do by turns is what each would do alone, and no piece is done twice."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines.test_definitions import CHOSEN, CLASSES, Bench, checked, recipe

import deltarule as dr
from deltarule.engines.compiled.plan import lists, step
from deltarule.engines.compiled.plan.layout import Share
from deltarule.engines.compiled.plan.lists import cut, renewed
from deltarule.engines.compiled.plan.pieces import Take
from deltarule.engines.compiled.plan.tables import Rows
from deltarule.native.structs import Count
from deltarule.training.plan import plan_text
from deltarule.training.preparing import prepared


@pytest.fixture
def small(monkeypatch):
    """Pieces of a few numbers, so that small plans have many."""
    for name, value in {"_LEAST": 1, "_FEWEST": 2, "_COLUMNS": 16, "_ROWS": 2}.items():
        monkeypatch.setattr(lists, name, value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", CHOSEN)
def test_plans_with_lists_do_what_their_definitions_say(name, threads):
    checked(*CHOSEN[name][:2], threads, CHOSEN[name][2])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["plain", "limits"])
def test_pieces_of_rounded_products_do_what_their_definitions_say(name):
    checked(*CHOSEN[name][:2], 2, CHOSEN[name][2], "bfloat16")


def takes(plan):
    return [each for each in plan if isinstance(each, Take)]


def plain():
    return Bench(prepared(recipe(), CLASSES)[0], 2)


@pytest.mark.usefixtures("small")
def test_a_thread_takes_all_pieces_but_one_of_a_thread_that_does_none():
    bench = plain()
    bench.begin(0, 13, 1)
    own, of_another = takes(bench.team.plans[1]["training"])[:2]
    count = bench.work(bench.threads[0]).vector(of_another.taken, 1, np.int64)
    assert (own.spare, of_another.spare, int(count[0])) == (0, 1, 0)
    bench.execute(of_another, bench.threads[1])
    assert count[0] == of_another.count - 1 > 0
    first = takes(bench.team.plans[0]["training"])[0]
    bench.execute(first, bench.threads[0])
    assert first.taken == of_another.taken
    assert count[0] == first.count


@pytest.mark.usefixtures("small")
def test_every_list_is_renewed_by_its_thread():
    for plans in plain().team.plans:
        plan = plans["training"]
        own = [each for each in takes(plan) if not each.spare]
        assert [each.taken for each in renewed(plan)] == [each.taken for each in own]
        assert sorted(each.taken for each in plan if type(each).__name__ == "Renew") == sorted(
            each.taken for each in own
        )


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("renews", [True, False])
def test_a_second_step_needs_lists_that_were_renewed(renews, monkeypatch):
    if not renews:
        monkeypatch.setattr(step, "renewed", lambda _: [])
    bench = plain()
    for number in (1, 2):
        bench.begin(0, 13, number)
        before = bench.team.theta
        for thread, instruction in bench.plans("training"):
            bench.execute(instruction, thread)
    assert np.array_equal(bench.team.theta, before) != renews


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ["plain", "batch normalization", "noise", "factors and slopes", "members"])
def test_results_do_not_depend_on_who_does_a_piece(name, precision):
    of, data, _ = CHOSEN[name]
    runs = [dr.train(of, data, n_threads=threads, precision=precision, progress=False) for threads in (1, 2, 2, 3)]
    alone, *several = (np.asarray(run.model.raw_outputs(data.train.x)) for run in runs)
    for found in several:
        np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize(
    ("inputs", "hidden", "members", "batch", "precision"),
    [
        (144, (128,), 1, 64, "bfloat16"),
        (200, (256, 16), 4, 32, "float64"),
        (200, (256, 16), 4, 32, "bfloat16"),
        (200, (256, 16), 2, 64, "float64"),
        (100, (1024,), 1, 130, "float32"),
    ],
)
def test_a_step_uses_no_copy_of_the_step_before(inputs, hidden, members, batch, precision):
    random = np.random.default_rng(0)
    data = dr.Dataset(train=(random.normal(size=(4 * batch, inputs)), random.integers(0, 3, 4 * batch)))
    network = dr.Network(hidden=hidden, members=members)
    made = dr.Recipe(network=network, batch_size=batch, epochs=2, stopping=None)
    runs = [dr.train(made, data, n_threads=threads, precision=precision, progress=False) for threads in (1, 2)]
    one, two = (np.asarray(run.model.raw_outputs(data.train.x)) for run in runs)
    np.testing.assert_array_equal(one, two)


def test_a_share_is_cut_into_columns_or_rows_and_what_is_shared_by_rows_is_left_whole():
    columns = cut(Share(96, 400), 1000, 100, by_rows=True)
    assert [each.first for each in columns] == [96, 160, 224, 288, 352, 416]
    assert [each.width for each in columns] == [64, 64, 64, 64, 64, 80]
    assert cut(Share(0, 128), 784, 64, by_rows=False) == [Share(0, 128)]
    part = Share(96, 16, Rows(Count(1), Count(2)))
    assert cut(part, 10_000, 1000, by_rows=True) == [part]


def test_large_layers_have_lists_and_small_ones_none():
    x, y = np.zeros((256, 300), np.float32), np.arange(256) % 3
    text = plan_text(
        dr.Recipe(network=dr.Network(hidden=(512, 512)), batch_size=256), dr.Dataset(train=(x, y)), n_threads=2
    )
    assert {"taken of update", "taken of forward 1", "taken of forward 2", "taken of backward 1"} == {
        line.split(",")[0].split(maxsplit=1)[1] for line in text.splitlines() if line.strip().startswith("Renew")
    }
    assert "Take" not in plan_text(dr.Recipe(), CLASSES, n_threads=2)
