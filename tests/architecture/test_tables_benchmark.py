"""The benchmark on tables: samples, scores, the store, ranks and the report. What is timed is not compared."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

pytest.importorskip("pandas")

CHECKOUT = Path(__file__).parents[2]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.process import Failed  # noqa: E402
from benchmarks.tables import markdown, report, run, worker  # noqa: E402
from benchmarks.tables.process import ModelProcess  # noqa: E402
from benchmarks.tables.protocol import FAMILIES, rivals  # noqa: E402
from benchmarks.tables.samples import MOST_ROWS, Absent, digest_of  # noqa: E402
from benchmarks.tables.store import Fit, Store  # noqa: E402
from benchmarks.tables.summary import COUNTERPARTS, Study  # noqa: E402
from benchmarks.tables.tables import TABLES  # noqa: E402

import deltarule as dr  # noqa: E402
from deltarule.cli.preset_option import ROWS_OF_EVIDENCE  # noqa: E402
from deltarule.models.calibration import calibration_error  # noqa: E402
from deltarule.recipes.presets import BEST_OF_BENCHMARK, DEFAULT_PRESET  # noqa: E402

WITHOUT_FILES = ["breast-cancer", "diabetes", "shop", "shop-classes", "steps"]


def fit(rival, table, split, score, *, seconds=1.0, digest="same", load=0.0):
    return Fit(rival, table, split, "a processor", 1, "2026-01-01", load, {"Python": "3"}, digest=digest, rows=10,
               test_rows=5, columns=2, score=score, error="" if score is not None else "it failed",
               fit_seconds=seconds, fit_cpu_seconds=seconds, predict_seconds=0.1, predict_cpu_seconds=0.1)  # fmt: skip


@pytest.mark.parametrize("key", WITHOUT_FILES)
def test_a_split_is_the_same_each_time_and_differs_from_others(key):
    table = TABLES[key]
    samples = table.draw(None, 0)
    assert digest_of(samples) == digest_of(table.draw(None, 0))
    assert digest_of(samples) != digest_of(table.draw(None, 1))
    assert len(samples.x) == len(samples.y) <= MOST_ROWS
    assert len(samples.test_x) == len(samples.test_y) <= MOST_ROWS
    rows, tested = (set(map(tuple, part.to_numpy().tolist())) for part in (samples.x, samples.test_x))
    assert not rows & tested
    if table.task == "classification":
        assert set(samples.y) == set(range(max(samples.test_y) + 1)) == set(samples.test_y)


def test_every_synthetic_table_has_a_best_possible_score_below_one():
    for key in ("shop", "steps", "irrelevant-classes"):
        samples = TABLES[key].draw(None, 0)
        found = worker.scores(TABLES[key].task, samples.truth, None, samples.test_y)["score"]
        assert 0.8 < found < 0.95


def test_a_table_without_its_file_is_absent(tmp_path):
    with pytest.raises(Absent):
        TABLES["adult"].draw(tmp_path, 0)


def test_scores_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    y, p = generator.integers(0, 3, 50), generator.dirichlet([1, 1, 1], 50)
    found = worker.scores("classification", p.argmax(axis=1), p, y)
    assert found["score"] == pytest.approx(metrics.accuracy_score(y, p.argmax(axis=1)))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p), rel=1e-5)
    targets = generator.normal(size=50)
    predicted = targets + 0.3 * generator.normal(size=50)
    found = worker.scores("regression", predicted[:, None], None, targets)
    assert found["score"] == pytest.approx(metrics.r2_score(targets, predicted))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(targets, predicted))


def test_every_model_has_a_family_and_a_counterpart_exists():
    team = rivals()
    assert {each.family for each in team.values()} == set(FAMILIES)
    assert set(COUNTERPARTS) | set(COUNTERPARTS.values()) <= set(team)
    assert [each.cost for each in team.values()] == sorted(each.cost for each in team.values())


def test_a_failed_fit_ranks_last_and_equal_scores_share_a_rank():
    tables = {"a": "classification", "b": "classification"}
    fits = [
        *(fit("hist_gradient_boosting", table, split, 0.9) for table in tables for split in range(2)),
        *(fit("light_gbm", table, split, 0.9) for table in tables for split in range(2)),
        *(fit("cat_boost", "a", split, 0.95) for split in range(2)),
        fit("cat_boost", "b", 0, 0.95),
        fit("cat_boost", "b", 1, None),
    ]
    study = Study(fits, tables, ["cat_boost", "hist_gradient_boosting", "light_gbm"])
    found = {each.rival: each for each in study.standings()}
    assert found["cat_boost"].rank.mean == 2.0  # first, and third
    assert found["cat_boost"].failed == 1
    assert found["light_gbm"].rank.mean == found["hist_gradient_boosting"].rank.mean == 2.0
    assert found["light_gbm"].errors["classification"][0] == pytest.approx(1.0)
    assert np.isnan(found["cat_boost"].errors["classification"][0])


def test_models_are_ranked_on_the_splits_that_all_have_and_only_with_four_fifths_of_the_tables():
    tables = dict.fromkeys("abcde", "regression")
    fits = [fit("hist_gradient_boosting", table, split, 0.5 + 0.1 * split) for table in tables for split in range(4)]
    fits += [fit("cat_boost", table, split, 0.0) for table in tables for split in range(4)]
    fits += [fit("light_gbm", table, split, 0.65) for table in "abc" for split in range(4)]
    fits += [fit("light_gbm", "d", split, 0.65) for split in (0, 2, 3)]
    fits += [fit("tabm_d", "a", 0, 0.9)]
    study = Study(fits, tables, list(rivals()))
    assert study.ranked == ["hist_gradient_boosting", "light_gbm", "cat_boost"]
    assert study.splits == {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3], "c": [0, 1, 2, 3], "d": [0, 2, 3], "e": []}
    assert study.score("hist_gradient_boosting", "a", study.splits["a"]) == pytest.approx(0.65)
    assert study.score("hist_gradient_boosting", "d", study.splits["d"]) == pytest.approx(0.5 + 0.5 / 3)
    assert [each.rank.mean for each in study.standings()] == [pytest.approx(1.375), pytest.approx(1.625), 3.0]
    fewer = Study(fits[:-6] + fits[-1:], tables, list(rivals()))
    assert fewer.ranked == ["hist_gradient_boosting", "cat_boost"]
    assert study.figures("tabm_d", "a", lambda found: found.score) == []


def test_our_network_is_compared_with_its_counterpart_over_common_splits():
    tables = {f"table {number}": "classification" for number in range(8)}
    fits = [fit("deltarule_realmlp", table, split, 0.91 + 0.001 * place, seconds=0.5)
            for place, table in enumerate(tables) for split in range(3)]  # fmt: skip
    fits += [fit("realmlp_td", table, split, 0.90, seconds=4.0) for table in tables for split in range(2)]
    (pair,) = Study(fits, tables, list(rivals())).pairs()
    assert (pair.first, pair.second, pair.splits) == ("deltarule_realmlp", "realmlp_td", (2, 2))
    assert (pair.better, pair.worse, pair.difference.n) == (8, 0, 8)
    assert pair.difference.mean == pytest.approx(0.0135)
    assert pair.difference.significant
    assert pair.times == pytest.approx((0.125, 0.125, 0.125))


def test_times_are_those_of_the_fits_on_the_least_busy_machine():
    loads = {0: 9.0, 1: 1.2, 2: 1.0, 3: 1.6, 4: 1.4}
    fits = [fit("light_gbm", "a", split, 0.9, seconds=1.0 + split, load=load) for split, load in loads.items()]
    fits += [fit("light_gbm", "a", 5, None, load=0.1), fit("light_gbm", "b", 0, 0.9, seconds=7.0, load=float("nan"))]
    fits += [fit("light_gbm", "c", 0, None)]
    study = Study(fits, dict.fromkeys("abc", "regression"), list(rivals()))
    assert [each.split for each in study.timed("light_gbm", "a")] == [1, 2, 4]
    assert study.seconds("light_gbm", "a") == 3.0
    assert study.seconds("light_gbm", "b") == 7.0
    assert math.isnan(study.seconds("light_gbm", "c"))
    (standing,) = study.standings()
    assert standing.seconds[1:] == (3.0, 7.0)


def test_models_with_different_samples_are_not_compared():
    fits = [fit("light_gbm", "a", 0, 0.9), fit("cat_boost", "a", 0, 0.9, digest="other")]
    with pytest.raises(SystemExit, match="different samples"):
        Study(fits, {"a": "regression"}, list(rivals()))


def test_results_of_two_processors_are_not_mixed(tmp_path):
    store = Store(tmp_path)
    one = fit("light_gbm", "wine", 0, 0.9)
    store.write(one)
    store.write(replace(one, split=1, processor="another processor"))
    with pytest.raises(SystemExit, match="several processors"):
        report.write(store, list(rivals()), TABLES, 1, tmp_path / "out", None)


def test_a_store_forgets_failed_fits_only(tmp_path):
    store = Store(tmp_path)
    for each in (fit("light_gbm", "wine", 0, 0.9), fit("light_gbm", "wine", 1, None)):
        store.write(each)
    store.remove("light_gbm", failed_only=True)
    assert list(store.fits("light_gbm")) == [fit("light_gbm", "wine", 0, 0.9)]
    store.remove("light_gbm")
    assert not store.has("light_gbm", "wine", 0)


def test_a_run_fits_reports_and_continues(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    out = tmp_path / "out"
    command = ["--tables", "diabetes", "--rivals", "hist_gradient_boosting", "--out", str(out)]
    run.main([*command, "--splits", "1"])
    stored = out / "hist_gradient_boosting" / "diabetes-0.json"
    first = stored.read_bytes()
    run.main([*command, "--splits", "2", "--page", str(page)])
    assert stored.read_bytes() == first
    assert capsys.readouterr().out.count("HistGradientBoosting, diabetes, split 0") == 1
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert len(results["fits"]) == 2
    assert all(each["score"] > 0 and each["fit_cpu_seconds"] > 0 for each in results["fits"])
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert "n = 1 tables, 2 splits of each" in text
    assert (tmp_path / "pictures" / "page.png").exists()


def test_a_fit_that_raises_is_an_answer_and_one_that_takes_too_long_ends():
    with ModelProcess(Path(sys.executable), "hist_gradient_boosting", None, 1) as process:
        assert "KeyError" in process.ask("fit", table="no such table", split=0)["error"]
        with pytest.raises(Failed, match="no answer within"):
            process.ask("warm", limit=0.0)
    with ModelProcess(Path(sys.executable), "none", None, 1) as process, pytest.raises(Failed, match="KeyError"):
        process.ask("about")


@pytest.mark.parametrize("key", ["wine", "diabetes"])
def test_coverage_and_calibration_are_those_of_the_estimator(key):
    table, rival = TABLES[key], rivals()["deltarule_tabular"]
    samples = table.draw(None, 0)
    recipe = dr.preset("plain", table.task, 100).replace(epochs=20)
    model = rival.make(table.task, 0, 1).set_params(preset=recipe, folds=2).fit(samples.x, samples.y)
    found = rival.further(model, samples.test_x, samples.test_y)
    assert 0.7 < found["coverage"] <= 1
    if key == "wine":
        own = (np.arange(len(samples.test_y)), samples.test_y)
        assert found["coverage"] == model.predict_set(samples.test_x, 0.9)[own].mean()
        assert found["calibration_error"] == calibration_error(model.predict_proba(samples.test_x), samples.test_y)
        assert model.ensemble_.temperature != 1.0
        assert found["uncalibrated_error"] != found["calibration_error"]


def test_the_report_has_coverage_and_calibration_of_the_models_that_have_them():
    fits = [fit("deltarule_tabular", "wine", 0, 0.9), fit("deltarule_tabular", "wine", 1, 0.9)]
    fits = [replace(each, coverage=0.9, calibration_error=0.02, uncalibrated_error=0.03 + each.split) for each in fits]
    fits += [replace(fit("deltarule_tabular", "diabetes", 0, 0.5), coverage=0.87), fit("light_gbm", "wine", 0, 0.9)]
    tables = {key: TABLES[key] for key in ("wine", "diabetes")}
    study = Study(fits, {key: table.task for key, table in tables.items()}, list(rivals()))
    text = markdown.markdown(study, study.standings(), study.pairs(), tables, fits)
    assert "| wine | 0.900 | 0.530 | 0.020 |\n| diabetes | 0.870 | – | – |\n| mean | 0.885 | 0.530 | 0.020 |" in text
    assert text.count("predict_interval") == 1


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (100.0, "100"), (12.34, "12.3"), (0.012345, "0.0123"), (float("nan"), "–")]
)
def test_numbers_have_three_digits(value, text):
    assert markdown.number(value) == text


def test_the_default_preset_has_the_best_mean_rank_of_the_single_networks():
    page = (CHECKOUT / "docs" / "tables_benchmark.md").read_text()
    ranks = re.findall(r"^\| ([^|]+?) \| ([0-9.]+) \([0-9.]+ to [0-9.]+\) \|", page, re.MULTILINE)
    tables = re.search(r"n = (\d+) tables, 5 splits of each", page)[1]
    assert [name for name, _ in ranks[:2]] == ["deltarule Tabular", "deltarule realmlp"]
    assert dr.TabularClassifier().preset == "auto"
    assert DEFAULT_PRESET == "realmlp"
    assert f"the best mean rank on {tables} tables" in BEST_OF_BENCHMARK
    assert [float(rank) for _, rank in ranks] == sorted(float(rank) for _, rank in ranks)
    assert ROWS_OF_EVIDENCE == MOST_ROWS
