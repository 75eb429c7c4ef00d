"""Choosing how products are cut by measurements: what is asked, what is kept, and when nothing is measured."""

import re
import sys
import threading
import weakref

import numpy as np
import pytest
from llvmlite import binding as llvm

import deltarule as dr
from deltarule.engines.compiled.runtime import engine
from deltarule.native import cache, tuning
from deltarule.native.processor import _target_machine, processor
from deltarule.native.tiles import _Tiles, tiles
from deltarule.native.tiling import candidates, default_tiling
from deltarule.native.timing import peak_gflops

DEFAULT = default_tiling(processor().registers, processor().fused)
RECIPE = dr.Recipe(network=dr.Network(hidden=(21, 17)), epochs=2)


@pytest.fixture(scope="module")
def trained():
    """A training whose compiled code is in the cache of all tests, and not in one of these alone."""
    return dr.train(RECIPE, dr.load_dataset("iris")).model.theta.tobytes()


@pytest.fixture
def folder(tmp_path, monkeypatch, trained):
    """A new cache folder, and a process that may measure."""
    monkeypatch.setenv("DELTARULE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DELTARULE_TUNE", raising=False)
    cache.cache_folder.cache_clear()
    tuning.tuned_tiles.cache_clear()
    yield tmp_path / "cache"
    cache.cache_folder.cache_clear()
    tuning.tuned_tiles.cache_clear()


def faster(monkeypatch, *fields):
    """Have each candidate that changes one of these fields measure twice as fast as what is in use."""

    def rates(_dtype, tried, _question):
        gains = [1 + any(getattr(each, name) != getattr(tried[0], name) for name in fields) for each in tried]
        return np.array([gains, gains], float)

    monkeypatch.setattr(tuning, "_rates", rates)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_each_question_has_one_answer_and_the_answers_add_up(dtype):
    tiling, measurements = tuning.measure(dtype)
    assert all(each.gflops > 0 for each in measurements)
    changes = {}
    for question, tried in tuning.questions(dtype).items():
        asked = [each for each in measurements if each.question == question]
        assert [each.changes for each in asked] == [{}, *tried]
        (chosen,) = (each for each in asked if each.chosen)
        changes |= chosen.changes
    assert tiling == DEFAULT.replace(**changes)


def test_a_candidate_is_chosen_if_it_is_faster_in_each_part_of_the_rounds(monkeypatch):
    for gains, expected in [((1.2, 1.1), "multiples"), ((1.5, 0.9), "groups"), ((1.01, 1.01), "groups")]:

        def rates(_dtype, tried, _question, gains=gains):
            of_others = [gains if each.addresses == "multiples" != tried[0].addresses else (1, 1) for each in tried[1:]]
            return np.array([(1, 1), *of_others], float).T

        monkeypatch.setattr(tuning, "_rates", rates)
        assert tuning.measure("float32")[0] == DEFAULT.replace(addresses=expected)


def test_what_measures_keeps_the_tiles_that_another_thread_has_replaced():
    functions = tiles.__wrapped__("float32", DEFAULT)
    kept = weakref.ref(functions)
    calls = tuning._Matrices.of("float32", (4, 16, 16)).calls(functions)
    del functions
    assert kept() is not None
    for call in calls:
        call()


def test_the_choice_is_kept_and_not_measured_again(folder, monkeypatch):
    faster(monkeypatch, "addresses", "heights")
    assert tuning.chosen_tiling("float32") == (DEFAULT, "default, not measured yet")
    tuning.tune("float32")
    chosen, source = tuning.chosen_tiling("float32")
    assert source == "measured before"
    assert chosen.addresses == "multiples"
    assert chosen.heights != DEFAULT.heights
    assert tuning.chosen_tiling("bfloat16") == (chosen, "default, not measured yet")
    tuning.tune("bfloat16")  # takes float32's form
    assert tuning.chosen_tiling("bfloat16") == (chosen, "measured before")
    monkeypatch.setattr(tuning, "measure", None)
    tuning.tune("float32")
    tuning.tune("bfloat16")
    assert tuning.tuned_tiles("float32").table.tolist() != tuning.tiles("float32").table.tolist()


def test_a_damaged_choice_is_measured_anew(folder, monkeypatch):
    faster(monkeypatch, "addresses")
    tuning.tune("float64")
    chosen = tuning.chosen_tiling("float64")
    (kept,) = (path for path in cache.cache_folder().iterdir() if b"multiples" in path.read_bytes())
    kept.write_bytes(kept.read_bytes().replace(b"multiples", b"multiplex"))
    assert tuning.chosen_tiling("float64") == (DEFAULT, "default, not measured yet")
    tuning.tune("float64")
    assert tuning.chosen_tiling("float64") == chosen


def test_nothing_is_measured_where_it_could_not_be_kept_or_is_not_wanted(folder, monkeypatch):
    monkeypatch.setattr(tuning, "measure", None)
    monkeypatch.setenv("DELTARULE_TUNE", "0")
    tuning.tune("float32")
    assert tuning.chosen_tiling("float32") == (DEFAULT, "default, DELTARULE_TUNE=0")
    monkeypatch.delenv("DELTARULE_TUNE")
    monkeypatch.setenv("DELTARULE_CACHE", "")
    cache.cache_folder.cache_clear()
    tuning.tune("float32")
    assert tuning.chosen_tiling("float32") == (DEFAULT, "default, no cache folder")
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_nothing_is_measured_on_a_full_disk(folder, monkeypatch):
    import resource

    monkeypatch.setattr(tuning, "measure", None)
    cache.cache_folder()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        tuning.tune("float32")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert tuning.chosen_tiling("float32") == (DEFAULT, "default, not measured yet")


def test_a_long_training_measures_once_and_a_short_one_does_not(folder, trained, monkeypatch):
    faster(monkeypatch, "prefetch")
    data = dr.load_dataset("iris")
    dr.train(RECIPE, data)
    assert tuning.chosen_tiling("float32")[1] == "default, not measured yet"
    monkeypatch.setattr(engine, "WORTH_SECONDS", 0.0)
    assert dr.train(RECIPE, data).model.theta.tobytes() == trained
    chosen, source = tuning.chosen_tiling("float32")
    assert (chosen.prefetch > 0, source) == (True, "measured before")
    monkeypatch.setattr(tuning, "measure", None)
    dr.train(RECIPE, data)
    assert tuning.tuned_tiles("float32") is not tuning.tiles("float32")


def test_an_interruption_while_measuring_loses_no_epoch(folder, monkeypatch):
    def interrupted(_dtype):
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "measure", interrupted)
    monkeypatch.setattr(engine, "WORTH_SECONDS", 0.0)
    training = dr.epochs(RECIPE, dr.load_dataset("iris"))
    with pytest.raises(KeyboardInterrupt):
        next(iter(training))
    assert len(training.run.history) == 1
    assert [epoch.number for epoch in training] == [1, 2]


def test_a_training_is_the_same_to_the_last_bit_with_any_choice(folder, trained, monkeypatch):
    faster(monkeypatch, "addresses", "widest", "prefetch", "panel_width", "block_rows")
    tuning.tune("float32")
    assert dr.train(RECIPE, dr.load_dataset("iris")).model.theta.tobytes() == trained
    assert tuning.tuned_tiles("float32") is not tuning.tiles("float32")


def test_the_peak_of_float32_is_about_twice_that_of_float64():
    singles, doubles = (peak_gflops(dtype) for dtype in ("float32", "float64"))
    assert 1.3 < singles / doubles < 3


@pytest.mark.skipif("avx2" not in processor().features, reason="reads assembly of x86")
def test_multiples_leave_no_calculation_of_addresses_in_the_innermost_loop():
    for width, height in enumerate(DEFAULT.heights):
        if height < 2:
            continue
        written = _Tiles(32, processor())
        written.tile(height, width, DEFAULT.replace(addresses="multiples"))
        assembly = _target_machine().emit_assembly(llvm.parse_assembly(written.module()))
        loops = re.split(r"\n\.L", assembly)
        innermost, *_ = re.split(r"\n\tj\w+", max(loops, key=lambda loop: loop.count("\tvfmadd")))
        assert innermost.count("\tvfmadd") == height * width
        assert "\tlea" not in innermost
        assert innermost.count("\tadd") == 2  # the rows of A and of B step once each


def test_threads_that_ask_at_once_get_the_same_code():
    """Only its address is passed on: another copy would be freed while its owner runs it."""
    (changes, *_), *_ = candidates(processor().registers, processor().fused).values()
    new = DEFAULT.replace(**changes, block_rows=DEFAULT.block_rows + 8)  # one that nothing else has asked for
    barrier, found = threading.Barrier(4), []

    def ask():
        barrier.wait()
        found.append(tiles("float32", new))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(each is found[0] for each in found)
