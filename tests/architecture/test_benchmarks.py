"""The benchmarks: their modules import, they train by NumPy's arithmetic, they tell who is absent. Nothing is timed."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[2]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

import benchmarks  # noqa: E402
from benchmarks import arithmetic, compare, conductor, floor, probes, report, run, samples, workloads  # noqa: E402
from benchmarks.process import Failed  # noqa: E402
from benchmarks.protocol import Rival, rivals  # noqa: E402

EPSILON_ELSEWHERE = 0.1  # optimizers whose ε stands elsewhere, after three steps


def small(workload):
    """The workload with few units and samples, so that every formula is tried in no time."""
    sizes = (workload.sizes[0], *(min(units, 12) for units in workload.hidden), workload.sizes[-1])
    return replace(workload, sizes=sizes, batch=20, samples=40)


SMALL = [small(each) for each in workloads.WORKLOADS]


@pytest.fixture(autouse=True)
def _no_files(monkeypatch, tmp_path):
    monkeypatch.setenv("DELTARULE_BENCHMARK_MNIST", str(tmp_path / "none"))


def test_every_module_imports_without_a_rival():
    names = [each.name for each in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    assert {"deltarule_engine", "scikit_learn", "pytorch", "keras_jax", "jax_scan"} <= set(rivals())


@pytest.mark.parametrize("workload", SMALL, ids=lambda each: each.key)
@pytest.mark.parametrize("name", ["deltarule_engine", "deltarule_float32", "scikit_learn"])
def test_a_step_is_the_one_written_in_numpy(name, workload):
    rival = rivals()[name]
    if rival.absence(workload):
        pytest.skip(rival.absence(workload))
    bound = 1e-3 if name.startswith("deltarule") else EPSILON_ELSEWHERE
    assert arithmetic.disagreement(rival, workload, 1) < bound


def test_whole_epochs_bring_the_loss_down():
    workload = next(each for each in SMALL if each.key == "W1")
    trainer = rivals()["deltarule_engine"].prepare(workload, samples.samples(workload), 1)
    before = [weights.copy() for weights, _ in trainer.weights()]
    trainer.run(3)
    assert any((weights != old).any() for (weights, _), old in zip(trainer.weights(), before, strict=True))


def test_a_rival_that_is_not_installed_says_so():
    absent = Rival("nobody", ("no-such-package",), lambda *_: pytest.fail("prepared"))
    assert absent.absence(workloads.WORKLOADS[0]) == "not installed: no-such-package"
    scikit_learn = rivals()["scikit_learn"]
    rmsprop = next(each for each in workloads.WORKLOADS if each.key == "W3-rmsprop")
    assert "rmsprop" in scikit_learn.lacks(rmsprop)
    rounded = next(each for each in workloads.WORKLOADS if each.key == "W1-bfloat16")
    assert "bfloat16" in scikit_learn.absence(rounded)


def test_a_worker_that_fails_leaves_its_last_words():
    with conductor.Worker("no_such_rival", workloads.WORKLOADS[-3]) as worker, pytest.raises(Failed):
        worker.ask("prepare")


def test_a_comparison_and_the_epochs_that_a_rival_would_train():
    seconds, epochs = compare.compared(["momentum", "adam"], seeds=1)
    assert seconds > 0
    assert list(epochs) == ["momentum", "adam"]
    assert min(epochs.values()) > 1
    assert set(compare.epoch_seconds("scikit_learn", 1)) == {"sgd", "momentum", "adam"}


def test_workloads_are_chosen_by_key_and_by_group():
    assert [each.key for each in workloads.chosen("W4,W3-adam")] == ["W3-adam", "W4"]
    assert len(workloads.chosen("W3")) == 5
    assert workloads.chosen("") == list(workloads.WORKLOADS)
    with pytest.raises(SystemExit):
        workloads.chosen("W9")


def test_the_floor_counts_whole_vectors():
    workload = next(each for each in workloads.WORKLOADS if each.key == "W4")
    assert floor.padded_parameters(workload) == 785 * 32 + 31 * 16
    assert floor.padded_flops(workload) == 2 * 10 * (2 * 784 * 32 + 2 * 30 * 16 + 32 * 10)
    assert workload.flops == 2 * 10 * (2 * 784 * 30 + 3 * 30 * 10)


@pytest.mark.parametrize("optimizer", ["decayed", *workloads.OPTIMIZERS])
def test_probes_run(optimizer):
    two = probes.Probes(2)
    assert two.update(optimizer, 4096) > 0


def test_the_gathering_probe_copies_rows():
    x = np.arange(64, dtype=np.float32).reshape(4, 16)
    assert probes.Probes(1).gather(x, np.array([2, 0, 3, 1]), 2) > 0


def test_results_become_a_table_and_a_part_of_a_page(tmp_path):
    workload = next(each for each in workloads.WORKLOADS if each.key == "W4")
    base = {"disagreement": 0.0, "data": "MNIST", "epochs": 1, "steps": 5000, "others": [], "set_aside": []}
    found = {
        "rivals": {
            "deltarule": {**base, "microseconds": [10.0, 11.0, 12.0]},
            "PyTorch": {**base, "microseconds": [110.0, 121.0, 99.0]},
        },
        "absent": {"Keras": "not installed: keras"},
        "floor": [{"products": 3.0, "update": 1.0, "gathering": 1.5, "total": 5.5, "peak_gflops": 250.0}],
    }
    row = report.summary(workload, found)
    assert row["rivals"]["PyTorch"]["ratio"] == 10.0
    assert row["of_floor"] == 0.5
    results = {
        "date": "2026-01-01",
        "machine": {"processor": "a processor", "cores": 2, "vector_bits": 512, "system": "Linux"},
        "versions": {"numpy": "2"},
        "workloads": [row],
    }
    json.dumps(results)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.write_page(page, results)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "110 (104–116) **× 10.00**" in text
    assert "50%" in text
    assert "### a processor, 2026-01-01" in text
    assert "](pictures/benchmarks-a-processor.png)" in text
    other = results | {"machine": results["machine"] | {"processor": "another"}, "date": "2026-01-02"}
    report.write_page(page, other)
    report.write_page(page, results | {"date": "2026-01-03"})
    headings = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("### ")]
    assert headings == ["### a processor, 2026-01-03", "### another, 2026-01-02"]


def test_results_of_two_kinds_of_processors_are_not_joined(tmp_path):
    paths = []
    for processor in ("one", "another"):
        path = tmp_path / f"{processor}.json"
        machine = {"processor": processor, "cores": 2}
        path.write_text(json.dumps({"machine": machine, "workloads": [], "many": [], "avx2": []}), encoding="utf-8")
        paths.append(path)
    assert run._joined([paths[0], paths[0]])["joined"] == 2
    with pytest.raises(SystemExit, match="not mixed"):
        run._joined(paths)


def test_a_late_row_is_ours_alone():
    late = next(each for each in workloads.WORKLOADS if each.key == "W1-late")
    assert late.epochs_before == 38
    everyone = rivals()
    assert not everyone["deltarule_engine"].absence(late)
    assert all(rival.absence(late) for name, rival in everyone.items() if name != "deltarule_engine")
