"""Comparisons under way: what seeds share and vary, tuning, halving, folders that go on."""

import json
import time

import numpy as np
import pytest

import deltarule as dr
from deltarule.studies.compare import Comparing, conditions, tuning, varied
from deltarule.studies.compare.halving import better_half, rungs

IRIS = dr.load_dataset("iris")
SMALL = dr.Recipe(network=dr.Network(hidden=(5,)), epochs=4)
TWO = dr.vary(SMALL, learning_rate=(0.01, 0.001))
BATCHES = dr.vary(SMALL, batch_size=(8, 32))


def curves(comparison):
    return [network.curves["train_loss"] for network in comparison.networks]


def alike(comparison):
    first, *others = curves(comparison)
    return all(other == pytest.approx(first, rel=1e-9) for other in others)


def test_a_network_is_the_one_that_train_gives():
    comparison = dr.compare(TWO, IRIS, seeds=[3, 8])
    trained = sorted((each.seed, each.variant) for each in comparison.networks)
    assert trained == [(seed, f"learning_rate={rate}") for seed in (3, 8) for rate in (0.001, 0.01)]
    for variant in TWO:
        for seed, network in comparison.of(variant.name).items():
            run = dr.train(variant.recipe.replace(seed=seed), IRIS)
            assert network.curves["validation_loss"] == pytest.approx(
                [e.validation_loss for e in run.history], rel=1e-6
            )
            assert network.score == pytest.approx(run.model.score(IRIS.test.x, IRIS.test.y))


def test_equal_variants_are_equal_seed_by_seed():
    comparison = dr.compare({"one": SMALL, "other": SMALL.replace(seed=5)}, IRIS, seeds=7)
    found = comparison.difference("one", "other")
    assert (found.mean, found.low, found.high, found.p, found.seen) == (0, 0, 0, 1, False)
    assert "No difference seen between" in str(comparison)
    assert "alike seed by seed" in str(comparison)
    assert comparison.sentences[0].startswith("other and one are alike and best on average")


def test_a_seed_varies_what_was_chosen():
    all_at_once = SMALL.replace(batch_size=len(IRIS.train), stopping=None)
    equal_starts = SMALL.replace(network=dr.Network(hidden=(5,), initializer="constant"), stopping=None)

    def compared(recipe, *vary):
        return dr.compare({"a": recipe, "b": recipe}, IRIS, seeds=3, seeds_vary=vary, precision="float64")

    assert alike(compared(equal_starts, "start"))
    assert not alike(compared(equal_starts, "order"))
    assert alike(compared(all_at_once, "order"))
    assert not alike(compared(all_at_once, "start"))
    assert not alike(compared(all_at_once.replace(network=equal_starts.network), "split"))


def test_the_split_deals_out_what_is_not_tested():
    from deltarule.studies.compare.seeds import dealt_anew

    other = dealt_anew(IRIS, 4)
    assert other.test is IRIS.test
    assert len(other.validation) == len(IRIS.validation)
    together = [np.sort(np.concatenate([each.train.x, each.validation.x]), axis=0) for each in (IRIS, other)]
    assert np.array_equal(*together)
    assert not np.array_equal(other.train.x, IRIS.train.x)


def test_each_network_meets_the_test_part_once(monkeypatch):
    met = []
    evaluate = conditions.evaluate
    monkeypatch.setattr(conditions, "evaluate", lambda model, part: met.append(part) or evaluate(model, part))
    comparison = dr.compare(BATCHES, IRIS, seeds=3, tune="learning_rate")
    assert len(met) == len(comparison.networks) == 6
    assert all(part is IRIS.test for part in met)


def test_tuning_does_not_see_the_test_part():
    rolled = dr.Part(IRIS.test.x, np.roll(IRIS.test.y, 5))
    wrong = dr.Dataset(IRIS.train, IRIS.validation, rolled)
    right, other = (dr.compare(BATCHES, data, seeds=1, tune="learning_rate") for data in (IRIS, wrong))
    assert right.sweeps == other.sweeps
    assert right.networks[0].score != other.networks[0].score
    sweep = right.sweeps[0]
    assert sweep.values == tuple(sorted(sweep.values))
    assert len(sweep.values) >= len(tuning.FACTORS)
    assert sweep.losses[sweep.values.index(sweep.chosen)] == min(sweep.losses)
    chosen = {variant.name: variant.recipe.optimizer.learning_rate for variant in right.variants}
    assert chosen == {sweep.variant: sweep.chosen for sweep in right.sweeps}


def test_equal_variants_are_tuned_alike():
    one, other = dr.compare({"one": SMALL, "other": SMALL}, IRIS, seeds=1, tune="learning_rate").sweeps
    assert (one.values, one.losses) == (other.values, other.losses)


def test_a_sweep_goes_on_where_the_best_lies_at_its_edge():
    slow = SMALL.replace(optimizer=dr.SGD(1e-5), epochs=10)
    sweep = dr.compare({"slow": slow, "usual": slow.replace(batch_size=8)}, IRIS, seeds=1, tune="learning_rate").sweeps[
        0
    ]
    assert len(sweep.values) == len(tuning.FACTORS) + tuning.EXTENSIONS
    assert sweep.chosen == max(sweep.values) == pytest.approx(10**1.5 * 1e-4, rel=1e-3)


def test_a_folder_goes_on(tmp_path):
    whole = dr.compare(TWO, IRIS, seeds=4)
    dr.compare(TWO, IRIS, seeds=2, folder=tmp_path)
    lines = tmp_path / "networks.jsonl"
    assert len(lines.read_text().splitlines()) == 4
    lines.write_text(lines.read_text()[:-40])
    told = []
    again = dr.compare(TWO, IRIS, seeds=4, folder=tmp_path, progress=told.append)
    assert [each.seconds_left is None for each in told] == [True] * 3 + [False] * 5
    assert (told[-1].done, told[-1].total) == (8, 8)
    for name in whole.ranked:
        assert again.scores(name).tolist() == whole.scores(name).tolist()
    assert len(lines.read_text().splitlines()) == 9
    kept = json.loads((tmp_path / "comparison.json").read_text())
    assert list(kept["variants"]) == [variant.name for variant in TWO]


def test_breaking_off_keeps_what_is_finished(tmp_path):
    under_way = Comparing(TWO, IRIS, seeds=50, folder=tmp_path)
    for progress in under_way:
        if progress.done == 5:
            break
    comparison = under_way.comparison
    assert len(comparison.networks) == 5
    assert "5 of 100 networks are finished." in comparison.sentences
    kept = [json.loads(line) for line in (tmp_path / "networks.jsonl").read_text().splitlines()]
    assert [each["score"] for each in kept[:5]] == [network.score for network in comparison.networks]


def test_it_can_be_gone_through_again():
    under_way = Comparing(BATCHES, IRIS, seeds=2, tune="learning_rate")
    first = [progress.network.key for progress in under_way]
    before = under_way.comparison
    assert sorted(progress.network.key for progress in under_way) == sorted(first)
    after = under_way.comparison
    assert after.sweeps == before.sweeps
    assert [variant.recipe for variant in after.variants] == [variant.recipe for variant in before.variants]
    assert len(after.networks) == 4


def test_models_are_kept_where_asked(tmp_path):
    # The two names have the same letters; the one network is known before models are asked for.
    both = {"adam/sgd": SMALL, "adam:sgd": SMALL.replace(optimizer="sgd")}
    before = dr.compare(both, IRIS, seeds=1, folder=tmp_path)
    assert not (tmp_path / "models").exists()
    comparison = dr.compare(both, IRIS, seeds=2, folder=tmp_path, keep_models=True)
    assert before.networks[0].score == comparison.of(before.networks[0].variant)[0].score
    assert len(list((tmp_path / "models").iterdir())) == len(comparison.networks) == 4
    for network in comparison.networks:
        model = dr.load_model(tmp_path / "models" / f"adam-sgd-{network.seed}-{network.key[:8]}.safetensors")
        assert model.score(IRIS.test.x, IRIS.test.y) == pytest.approx(network.score)
    told = []
    dr.compare(both, IRIS, seeds=2, folder=tmp_path, keep_models=True, progress=told.append)
    assert [each.seconds_left for each in told] == [None] * 4  # none was trained again


def test_two_at_a_time_do_not_write_to_one_folder(tmp_path):
    pytest.importorskip("fcntl", reason="locks as POSIX has them")
    first, other = (Comparing(TWO, IRIS, seeds=3, folder=tmp_path) for _ in range(2))
    under_way = iter(first)
    next(under_way)
    with pytest.raises(dr.DeltaruleError, match="no other comparison is writing to"):
        next(iter(other))
    assert len(list(under_way)) == 5
    assert len([progress.seconds_left for progress in other]) == 6


def test_other_data_are_another_comparison(tmp_path):
    dr.compare(TWO, IRIS, seeds=1, folder=tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(dr.DeltaruleError, match="same data"):
        dr.compare(TWO, dr.load_dataset("iris", seed=1), seeds=1, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("")
    with pytest.raises(dr.DeltaruleError, match="not empty"):
        dr.compare(TWO, IRIS, seeds=1, folder=tmp_path / "mine")


def test_a_budget_gives_the_better_half_more_seeds():
    assert rungs(range(6)) == [(0,), (1,), (2, 3), (4, 5)]
    # Two learn at once, two hardly move.
    four = dr.vary(SMALL.replace(epochs=15), learning_rate=(0.03, 0.01, 1e-6, 2e-6))
    comparison = dr.compare(four, IRIS, seeds=6, budget="2min")
    counts = {name: len(comparison.of(name)) for name in comparison.ranked}
    assert sorted(counts.values()) == [1, 1, 6, 6]
    assert counts["learning_rate=0.03"] == counts["learning_rate=0.01"] == 6
    assert any("To keep to 120 s" in sentence for sentence in comparison.sentences)
    assert comparison.difference("learning_rate=0.01", "learning_rate=1e-06").n == 1
    # Holm's correction is for the one pair that is tested.
    alone = comparison.difference("learning_rate=0.01", "learning_rate=0.03")
    assert (comparison.tested, alone.adjusted) == (1, alone.p)


def test_a_budget_is_kept():
    endless = SMALL.replace(epochs=10**7, stopping=None)
    began = time.monotonic()
    comparison = dr.compare({"quick": SMALL, "endless": endless}, IRIS, seeds=4, budget=1.0)
    assert time.monotonic() - began < 15
    assert [network.variant for network in comparison.networks] == ["quick"]
    nothing = dr.compare({"endless": endless, "other": endless}, IRIS, seeds=2, budget=0.01)
    assert nothing.sentences == ("The 0.01 s were over before any network was.",)


def test_the_better_half_of_those_that_are_no_number():
    comparison = dr.compare(TWO, IRIS, seeds=1)
    assert better_half([variant.name for variant in TWO], comparison.networks) == [variant.name for variant in TWO]


def test_a_diverged_network_is_told_of():
    x = np.random.default_rng(0).normal(size=(80, 3))
    data = dr.split(x, x @ [1.0, 2.0, 3.0])
    calm = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=60, stopping=None, batch_size=8, scaling=1e-3)
    comparison = dr.compare({"calm": calm, "wild": calm.replace(optimizer=dr.SGD(0.5))}, data, seeds=2)
    assert {each.status for each in comparison.of("wild").values()} == {"diverged"}
    assert any("2 of 2 networks of wild diverged" in sentence for sentence in comparison.sentences)
    assert comparison.ranked[0] == "calm"
    json.dumps(comparison.to_json(), allow_nan=False)


def test_without_a_test_part_the_validation_part_is_named():
    data = dr.Dataset(train=IRIS.train)
    comparison = dr.compare(TWO, data, seeds=2)
    assert comparison.part == "validation"
    assert any("no test part" in sentence for sentence in comparison.sentences)
    assert all(network.score == network.validation_score for network in comparison.networks)


def test_few_seeds_are_said_to_be_few():
    comparison = dr.compare(TWO, IRIS, seeds=3)
    assert any("With 3 seeds no difference, however large" in sentence for sentence in comparison.sentences)


def test_costs_to_a_target():
    recipe = SMALL.replace(epochs=30, stopping=None)
    comparison = dr.compare(dr.vary(recipe, learning_rate=(0.01, 1e-6)), IRIS, seeds=3, target_score=0.85)
    quick, slow = comparison.costs["learning_rate=0.01"], comparison.costs["learning_rate=1e-06"]
    assert (quick.reached, slow.reached) == (1.0, 0.0)
    for network in comparison.of("learning_rate=0.01").values():
        epoch, seconds = network.reached(0.85)
        scores = network.curves["validation_score"]
        assert scores[int(epoch) - 1] >= 0.85 > max(scores[: int(epoch) - 1], default=0)
        assert seconds == pytest.approx(sum(network.curves["seconds"][: int(epoch)]))
    assert quick.target_epochs < 30
    assert slow.target_epochs == np.inf


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dr.compare({"a": SMALL}, IRIS), "at least two variants"),
        (lambda: dr.compare([SMALL, 3], IRIS), "recipes to compare"),
        (lambda: dr.compare(SMALL, IRIS), "several recipes"),
        (lambda: dr.compare(TWO, IRIS, seeds=0), "seeds"),
        (lambda: dr.compare(TWO, IRIS, seeds=[1, 1]), "seeds that differ"),
        (lambda: dr.compare(TWO, IRIS, seeds_vary="weights"), "seeds_vary"),
        (lambda: dr.compare(TWO, IRIS, budget="soon"), "a time for budget"),
        (lambda: dr.compare(TWO, IRIS, budget=-1), "a time for budget"),
        (lambda: dr.compare(TWO, IRIS, tune="activation"), "a field above 0 in"),
        (lambda: dr.compare(BATCHES, IRIS, tune="learning_rat"), "learning_rate"),
        (lambda: dr.compare(TWO, IRIS, tune="learning_rate"), "does not vary already"),
        (lambda: dr.compare(TWO, IRIS, engine="warp"), "engine"),
        (lambda: dr.compare(TWO, IRIS, keep_models=True), "a folder to keep models in"),
        (lambda: dr.compare(TWO, IRIS, record="everything"), "record"),
        (lambda: dr.compare({"a": SMALL, "b": SMALL.replace(task="regression")}, IRIS), "one task"),
        (lambda: dr.vary(SMALL), "at least one field"),
        (lambda: dr.vary(SMALL, optimzer=("sgd",)), "Try: optimizer"),
        (lambda: dr.vary(SMALL, seed=(1, 2)), "the seed"),
        (lambda: dr.vary(SMALL, l2=(0, 0)), "different names"),
        (lambda: dr.vary(SMALL, l1=(-1, 0), l2=(1e-3,)), "at least 0 for L1.strength"),
        (lambda: dr.vary(SMALL, learning_rate=3), "several values"),
        (lambda: varied(SMALL, ["optimizer"]), "Try: optimizer=sgd,adam"),
        (lambda: varied(SMALL, ["l2=0", "l2=1"]), "each field once"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, words):
    with pytest.raises(dr.DeltaruleError, match=words):
        call()


def test_fields_of_all_parts_vary():
    found = {
        name: [variant.recipe for variant in dr.vary(SMALL, **{name: values})]
        for name, values in {
            "hidden": "128x64,30,none",
            "dropout": (0.0, 0.2),
            "activation": "relu,tanh",
            "batch_size": (8, 32),
            "patience": "none,3",
            "optimizer": (dr.Adam(0.1), "sgd"),
            "l1": (0, 0.5),
            "max_norm": "none,3",
            "lr": (0.1, 0.2),
            "numbers": "none,quantiles",
            "network__initializer": ("auto", "he"),
        }.items()
    }
    assert [recipe.network.hidden for recipe in found["hidden"]] == [(128, 64), (30,), ()]
    assert [recipe.network.dropout for recipe in found["dropout"]] == [0.0, 0.2]
    assert [recipe.network.activation.name for recipe in found["activation"]] == ["relu", "tanh"]
    assert [recipe.batch_size for recipe in found["batch_size"]] == [8, 32]
    assert [recipe.stopping and recipe.stopping.patience for recipe in found["patience"]] == [None, 3]
    assert [recipe.optimizer for recipe in found["optimizer"]] == [dr.Adam(0.1), dr.SGD()]
    assert [recipe.penalty for recipe in found["l1"]] == [None, dr.L1(0.5)]
    assert [recipe.constraint for recipe in found["max_norm"]] == [None, dr.MaxNorm(3.0)]
    assert [recipe.optimizer for recipe in found["lr"]] == [dr.Adam(0.1), dr.Adam(0.2)]
    assert [recipe.preparation.numbers for recipe in found["numbers"]] == ["none", "quantiles"]
    penalties = [variant.recipe.penalty for variant in dr.vary(SMALL, l1=(0, 1e-3), l2=(0, 1e-3))]
    assert penalties == [None, dr.L2(1e-3), dr.L1(1e-3), dr.ElasticNet(2e-3, 0.5)]
    both = dr.vary(SMALL, momentum=(0.5, 0.8), optimizer=("momentum", "nesterov"))
    assert [(v.recipe.optimizer.name, v.recipe.optimizer.momentum) for v in both] == [
        (name, momentum) for momentum in (0.5, 0.8) for name in ("momentum", "nesterov")
    ]
