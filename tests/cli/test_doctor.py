"""`deltarule doctor`: what a bug report needs, as a table of 80 columns and as JSON."""

import json

import pytest

from deltarule.cli.main import app
from deltarule.native import cache
from deltarule.native.processor import processor
from deltarule.native.tuning import Measurement, keep, measure, questions, tuned_tiles

DTYPES = "float32", "float64", "bfloat16"


@pytest.fixture(scope="module")
def compiled():
    """What measuring compiles is in the cache of all tests, and not in one of these alone."""
    for dtype in DTYPES:
        measure(dtype)


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys, compiled):
    """The command with a cache folder of its own, or with another value of DELTARULE_CACHE: its standard output."""

    def run(*arguments, folder=str(tmp_path / "cache")):
        monkeypatch.setenv("DELTARULE_CACHE", folder)
        cache.cache_folder.cache_clear()
        with pytest.raises(SystemExit) as ended:
            app(["doctor", *arguments])
        captured = capsys.readouterr()
        assert ended.value.code == 0, captured.err
        return captured.out

    yield run
    cache.cache_folder.cache_clear()
    tuned_tiles.cache_clear()


def test_everything_that_was_measured_is_in_the_json(doctor, monkeypatch):
    monkeypatch.delenv("DELTARULE_TUNE")
    facts = json.loads(doctor("--json"))
    assert facts["processor"]["vector_bits"] == 8 * processor().vector_bytes
    assert facts["cores"]["threads"] >= 1
    assert facts["cache"]["files"] >= len(facts["tiling"])
    assert facts["cache"]["bytes"] > 0
    for dtype, tiling in facts["tiling"].items():
        assert tiling["source"] == "default, not measured yet"
        assert tiling["peak_gflops"] > 0
        assert len(tiling["measurements"]) == sum(1 + len(changes) for changes in questions(dtype).values())
    keep("float32", [Measurement("prefetch", {"prefetch": 3}, 1.0, chosen=True)])
    again = json.loads(doctor("--json", "--tune"))
    assert {tiling["source"] for tiling in again["tiling"].values()} == {"measured before"}
    assert again["tiling"]["float32"]["in_use"]["prefetch"] != 3


def test_the_table_fits_80_columns_and_says_why_nothing_is_kept(doctor):
    lines = doctor(folder="").splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for expected in ("llvmlite", processor().name, "Cache       none: DELTARULE_CACHE is empty", "DELTARULE_TUNE=0"):
        assert expected in text
    assert sum(line.endswith("*") for line in lines) == sum(len(questions(dtype)) for dtype in DTYPES)
