"""Running a comparison: what seeds vary, the tested pairs, divergence, tuning, halving, folders that resume."""

import dataclasses
import json
import time

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import RecipeError
from deltarule.studies.compare import (
    Comparing,
    Comparison,
    Finished,
    Seeds,
    Variant,
    conditions,
    tables,
    tuning,
    varied,
)
from deltarule.studies.compare.halving import better_half, rungs
from deltarule.studies.compare.sample_scores import SampleScores
from deltarule.studies.compare.trial import CURVES

IRIS = dr.load_dataset("iris")
SMALL = dr.Recipe(network=dr.Network(hidden=(5,)), epochs=4)
TWO = dr.vary(SMALL, learning_rate=(0.01, 0.001))
BATCHES = dr.vary(SMALL, batch_size=(8, 32))


def finished(variant, seed, score, sample_scores=None):
    return Finished(variant, seed, f"{variant}-{seed}", "complete", score, 0.1, score, 0.1, 0, 0, 1.0,
                    {name: [] for name in CURVES}, [], sample_scores)  # fmt: skip


def made_of(networks):
    variants = tuple(Variant(name, SMALL) for name in dict.fromkeys(each.variant for each in networks))
    seeds = tuple(dict.fromkeys(each.seed for each in networks))
    return Comparison(variants, tuple(networks), Seeds(seeds), "test", "classification")


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
    assert (found.mean, found.low, found.high, found.p, found.significant) == (0, 0, 0, 1, False)
    assert "No significant difference between" in str(comparison)
    assert "equal with every seed" in str(comparison)
    assert comparison.sentences[0].startswith("No clear winner: other and one have the same highest mean")


def test_the_precision_can_vary(tmp_path):
    variants = varied(SMALL, ["precision=float32,bfloat16"])
    assert [(each.name, each.precision) for each in variants] == [("float32", "float32"), ("bfloat16", "bfloat16")]
    comparison = dr.compare(variants, IRIS, seeds=2, folder=tmp_path)
    for variant in variants:
        for seed, network in comparison.of(variant.name).items():
            run = dr.train(SMALL.replace(seed=seed), IRIS, precision=variant.precision)
            assert network.curves["train_loss"] == pytest.approx([e.train_loss for e in run.history], rel=1e-6)
    assert len({network.key for network in comparison.networks}) == 4
    assert comparison.machine["precision"] == "float32 and bfloat16"
    alone = dr.compare(TWO, IRIS, seeds=2, precision="bfloat16")
    assert alone.machine["precision"] == "bfloat16"
    with pytest.raises(RecipeError, match="bfloat16"):
        dr.vary(SMALL, precision=("float32", "half"))


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
    from deltarule.studies.compare.seeds import resplit

    other = resplit(IRIS, 4)
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


@pytest.mark.parametrize(("monitor", "by"), [("loss", "loss"), ("score", "score"), ("roc_auc", "loss")])
def test_a_sweep_says_by_what_it_chooses(monitor, by):
    recipe = SMALL.replace(epochs=1, stopping=dr.EarlyStopping(monitor=monitor))
    comparison = dr.compare(dr.vary(recipe, batch_size=(8, 32)), IRIS, seeds=1, tune="learning_rate")
    sweep = comparison.sweeps[0]
    ranks = sweep.scores if by == "score" else [-each for each in sweep.losses]
    assert (sweep.by, sweep.chosen) == (by, sweep.values[ranks.index(max(ranks))])
    assert tables.sweeps(comparison).columns[-1] == f"Validation {by}"


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
    assert (comparison.tests, alone.adjusted) == (1, alone.p)


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
    assert any("Of 2 networks of wild 2 diverged" in sentence for sentence in comparison.sentences)
    assert comparison.ranked[0] == "calm"
    assert comparison.summaries["wild"].n == comparison.difference("calm", "wild").n == 0
    assert comparison.difference("calm", "wild").beats == pytest.approx(2.5 / 3)
    json.dumps(comparison.to_json(), allow_nan=False)
    for kind in ("scores", "intervals", "differences", "cost"):
        comparison.plot(kind)


def test_failure_rates_have_a_test_of_their_own():
    networks = [finished(name, seed, 0.9 + seed / 100) for seed in range(9) for name in ("calm", "wild", "slow")]
    networks = [
        dataclasses.replace(each, status="diverged") if each.variant == "wild" and each.seed < 8 else each
        for each in networks
    ]
    comparison = made_of(networks)
    found = comparison.failures["calm", "wild"]
    assert (found.n, found.first, found.second, found.discordant) == (9, 0, 8, 8)
    assert found.p == pytest.approx(2 / 2**8)
    # calm and slow are tested by their scores; the two pairs of wild by the rates alone.
    assert comparison.tests == 3
    assert found.adjusted == pytest.approx(3 * found.p)
    assert comparison.difference("calm", "wild").n == 1
    assert not comparison.difference("calm", "wild").significant
    assert comparison.ranked[-1] == "wild"
    assert any(
        "failure rate of" in sentence and "differs significantly" in sentence for sentence in comparison.sentences
    )
    assert "Of 9 networks of wild 8 diverged" in str(comparison)
    pairs = {(each["first"], each["second"]): each for each in comparison.to_json()["pairs"]}
    assert pairs["calm", "wild"]["failures"]["discordant"] == 8


def test_networks_stuck_at_chance_level_are_failures_and_a_variant_that_hardly_learns_is_not():
    stuck = [finished("a", seed, 0.1 if seed in {2, 5} else 0.9 + seed / 1000) for seed in range(8)]
    slow = [finished("b", seed, 0.11 + seed / 1000) for seed in range(8)]
    comparison = dataclasses.replace(made_of([*stuck, *slow]), chance=0.1)
    assert comparison.failed == {("a", 2), ("a", 5)}
    assert comparison.failures["a", "b"].first == 2
    assert comparison.summaries["a"].mean > 0.9
    assert comparison.difference("a", "b").n == 6
    assert "Of 8 networks of a 2 stayed at chance level" in str(comparison)
    assert not dataclasses.replace(comparison, chance=np.nan).failed
    often = [finished("a", seed, 0.9 + seed / 1000 if seed < 3 else 0.1) for seed in range(8)]
    assert len(dataclasses.replace(made_of(often), chance=0.1).failed) == 5
    few = dataclasses.replace(made_of(stuck[:5]), chance=0.1)
    assert not few.failed
    noise = np.random.default_rng(0).normal(0.1, 0.03, 40)
    unlearnable = made_of([finished("ab"[seed % 2], seed // 2, score) for seed, score in enumerate(noise)])
    assert not dataclasses.replace(unlearnable, chance=0.1).failed


def test_the_ranking_counts_failures_and_the_headline_says_so():
    risky = [finished("risky", seed, 0.95 if seed < 5 else 0.1) for seed in range(8)]
    safe = [finished("safe", seed, 0.9) for seed in range(8)]
    comparison = dataclasses.replace(made_of([*risky, *safe]), chance=0.1)
    assert comparison.ranked == ("safe", "risky")
    assert comparison.sentences[0].startswith("No clear winner: safe ranks first, as fewer of its networks failed")


def test_only_the_pairs_that_are_asked_for_are_tested():
    four = {rate: SMALL.replace(optimizer=dr.Adam(float(rate))) for rate in ("0.03", "0.01", "0.001", "0.0001")}
    every = dr.compare(four, IRIS, seeds=8)
    base = dr.compare(four, IRIS, seeds=8, against="0.0001")
    pair = dr.compare(four, IRIS, seeds=8, against=[("0.0001", "0.03")])
    assert [each.tests for each in (every, base, pair)] == [6, 3, 1]
    found = [each.difference("0.03", "0.0001") for each in (every, base, pair)]
    assert len({each.p for each in found}) == 1
    assert [each.adjusted / each.p for each in found] == pytest.approx([6, 3, 1])
    assert all("0.0001" in name for name in base.differences)
    with pytest.raises(dr.DeltaruleError, match="a pair that the comparison compares"):
        pair.difference("0.01", "0.001")
    assert "0.03 beats 0.0001" in str(pair)
    assert pair.plot("differences").names == ["0.03 − 0.0001"]
    assert [row[0] for row in tables.pairs(pair).rows] == ["0.03 − 0.0001"]


def test_too_few_seeds_are_an_error_of_design_that_is_said_before_training():
    under_way = Comparing(TWO, IRIS, seeds=5)
    assert under_way.notes == (
        "With 5 seeds no difference can be significant, however large the difference: take 6 seeds or more.",
    )
    trained = []
    with pytest.warns(dr.errors.SeedsWarning, match="take 6 seeds or more"):
        dr.compare(TWO, IRIS, seeds=1, progress=trained.append)
    assert len(trained) == 2
    assert Comparing(TWO, IRIS, seeds=6).notes == ()


def test_by_default_there_are_as_many_seeds_as_the_tests_need():
    many = dr.vary(SMALL, l2=tuple(range(10)))
    assert len(Comparing(TWO, IRIS).comparison.seeds.numbers) == 10
    assert len(Comparing(many, IRIS).comparison.seeds.numbers) == 11
    assert len(Comparing(many, IRIS, against="l2=0").comparison.seeds.numbers) == 10
    (note,) = Comparing(many, IRIS, seeds=10).notes
    assert "none of 45 pairs can differ significantly" in note


def test_a_winner_is_named_where_the_tests_name_one():
    clear = [finished(name, seed, score + seed / 1000) for seed in range(8) for name, score in (("a", 0.9), ("b", 0.8))]
    assert (
        made_of(clear).sentences[0]
        == "a is best: 90.35 % on the test set, over 8 seeds, significantly more than every other variant."
    )
    noise = np.random.default_rng(0).normal(0, 0.01, (8, 2))
    tie = [finished(name, seed, 0.9 + noise[seed, place]) for seed in range(8) for place, name in enumerate("ab")]
    headline, sentence, *_ = made_of(tie).sentences
    assert headline.startswith("No clear winner: ")
    assert "not significantly higher than" in headline
    assert sentence.startswith("No significant difference between")


def test_an_unadjusted_interval_beside_an_adjusted_p_is_said_to_be_of_its_pair_alone():
    gains = np.array([0.01, 0.02, 0.01, 0.03, 0.02, 0.01])
    scores = {"a": 0.9 + gains, "b": np.full(6, 0.9), "c": 0.9 - gains[::-1] / 50}
    found = made_of([finished(name, seed, each[seed]) for seed in range(6) for name, each in scores.items()])
    difference = found.difference("a", "b")
    assert difference.low > 0
    assert difference.p <= 0.05 < difference.adjusted
    sentence = next(each for each in found.sentences if each.startswith("No significant difference between a and b"))
    assert "for this pair alone), p = 0.094 adjusted for 3 tests (0.031 for this pair alone)" in sentence


def test_the_interval_with_test_samples_is_wider_and_a_small_test_set_is_named(tmp_path):
    comparison = dr.compare(TWO, IRIS, seeds=6, folder=tmp_path)
    for name, found in comparison.summaries.items():
        assert found.total_low <= found.low <= found.high <= found.total_high
        for network in comparison.of(name).values():
            assert network.sample_scores.count == len(IRIS.test)
            assert network.sample_scores.values.mean() == pytest.approx(network.score)
    known = [[0.0] * 12 + [1.0] * 3, [1.0] * 2 + [0.0] * 10 + [1.0] * 3]
    small = [
        finished(name, seed, float(np.mean(known[place])), SampleScores.of(known[place]))
        for seed in range(6)
        for place, name in enumerate("ab")
    ]
    found = made_of(small).difference("b", "a")
    assert found.significant
    assert found.total_low < 0 < found.low
    assert any("the test set is too small" in sentence for sentence in made_of(small).sentences)


def test_a_folder_of_an_earlier_version_is_readable(tmp_path):
    before = dr.compare(TWO, IRIS, seeds=2, folder=tmp_path)
    lines = tmp_path / "networks.jsonl"
    old = [json.loads(line) for line in lines.read_text().splitlines()]
    for each in old:
        del each["sample_scores"]
    lines.write_text("".join(json.dumps(each) + "\n" for each in old))
    trained = []
    after = dr.compare(TWO, IRIS, seeds=2, folder=tmp_path, progress=trained.append)
    assert [each.seconds_left for each in trained] == [None] * 4
    assert all((after.scores(name) == before.scores(name)).all() for name in before.ranked)
    assert np.isnan(after.summaries[after.ranked[0]].total_low)
    assert "With test samples" not in tables.variants(after).columns


def test_without_a_test_part_the_validation_part_is_named():
    data = dr.Dataset(train=IRIS.train)
    comparison = dr.compare(TWO, data, seeds=2)
    assert comparison.part == "validation"
    assert any("no test set" in sentence for sentence in comparison.sentences)
    assert all(network.score == network.validation_score for network in comparison.networks)


def test_few_seeds_are_said_to_be_few():
    comparison = dr.compare(TWO, IRIS, seeds=3)
    assert any(
        "With 3 seeds no difference can be significant, however large" in sentence for sentence in comparison.sentences
    )


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
        (lambda: dr.compare(TWO, IRIS, against="learning_rate=0.02"), "Try: learning_rate=0.01"),
        (lambda: dr.compare(TWO, IRIS, against=[]), "different pairs of names"),
        (lambda: dr.compare(TWO, IRIS, against=["learning_rate=0.01"]), "a pair of two variants"),
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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_scores_of_samples_have_the_score_as_mean_and_its_sampling_error(name, weighted):
    data = dr.load_dataset(name)
    recipe = dr.Recipe(network=dr.Network(hidden=(5,)), epochs=20)
    model = dr.train(recipe, data).model
    generator = np.random.default_rng(0)
    weights = generator.uniform(0.5, 2, len(data.train)) if weighted else None
    part = dr.Part(data.train.x, data.train.y, weights)
    found = dr.evaluate(model, part)
    assert found.sample_scores.mean() == pytest.approx(found.score)
    if not weighted and name == "iris":
        assert set(found.sample_scores) == {0.0, 1.0}
    resampled = []
    for _ in range(200):
        rows = generator.integers(0, len(part), len(part))
        again = dr.Part(part.x[rows], part.y[rows], None if weights is None else weights[rows])
        resampled.append(dr.evaluate(model, again).score)
    error = found.sample_scores.std(ddof=1) / np.sqrt(len(part))
    assert np.std(resampled) == pytest.approx(error, rel=0.2)
