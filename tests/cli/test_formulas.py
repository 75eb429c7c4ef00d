"""`deltarule formulas`: every formula, one kind, one formula, and names that are wrong."""

from __future__ import annotations

import json
import sys

import pytest

from deltarule.cli.main import main
from deltarule.formulas import kinds, registered


@pytest.fixture
def deltarule(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["deltarule", "formulas", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_all_are_listed_within_80_columns(deltarule):
    code, out, _ = deltarule()
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    heads = [line.split()[0] for line in out.splitlines() if line and not line.startswith(" ")]
    for kind in kinds():
        assert kind.upper() in heads
        for cls in registered(kind):
            assert cls.name in heads


def test_one_kind_has_its_equations_fields_and_sources(deltarule):
    _, out, _ = deltarule("penalty")
    assert "P = ½ λ w²        ∂P/∂w = λ w" in out
    assert "strength  = 0.0001  a number of at least 0" in out
    assert "Source: Krogh and Hertz (1992)." in out
    assert "OPTIMIZER" not in out


def test_one_formula_is_shown_whole_by_any_of_its_names(deltarule):
    _, out, _ = deltarule("optimizer", "nesterov")
    for typed in (("optimizer", "nag"), ("Optimizer", "Nesterov")):
        assert deltarule(*typed)[1] == out
    for part in ("Nesterov momentum: ", "v ← α v − η g", "Source: Nesterov (1983).", ">>> Nesterov("):
        assert part in out


def test_json(deltarule):
    found = json.loads(deltarule("--json")[1])["formulas"]
    assert len(found) == sum(len(list(registered(kind))) for kind in kinds())
    (adam,) = json.loads(deltarule("optimizer", "adam", "--json")[1])["formulas"]
    assert adam["fields"][1] == {
        "name": "beta1",
        "type": "number",
        "default": 0.9,
        "domain": "a number of at least 0 and below 1",
    }


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["optimiser"], "deltarule formulas optimizer"),
        (["adam"], "deltarule formulas optimizer adam"),
        (["optimizer", "adm"], "deltarule formulas optimizer adam"),
    ],
)
def test_a_wrong_name_gets_the_nearest(deltarule, words, instead):
    code, out, err = deltarule(*words)
    assert (code, out) == (2, "")
    assert err.strip().endswith(f"Try: {instead}")
