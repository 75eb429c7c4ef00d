"""Every formula says what it is: by what equation, with which fields, from whom."""

from __future__ import annotations

import dataclasses
import json

import pytest

from deltarule.formulas import Momentum, WarmUp, describe, kinds, registered

FORMULAS = [cls for kind in kinds() for cls in registered(kind) if cls.__module__.startswith("deltarule.")]
NOBODYS = {"constant", "truncated_normal"}
"""What no paper claims: a rate that stays, and a cut that libraries make."""


@pytest.mark.parametrize("cls", FORMULAS, ids=lambda cls: f"{cls.kind} {cls.name}")
def test_a_formula_has_an_equation_a_source_and_an_example(cls):
    described = describe(cls)
    assert described.summary.endswith(".")
    assert described.equations
    assert described.source or cls.name in NOBODYS
    assert "`" not in described.source, "prose before the source on its line: set it on a line of its own"
    assert described.example.startswith(">>> ")
    assert not any(described.source and described.source in part for part in (described.summary, described.notes))
    assert [field.name for field in described.fields] == [field.name for field in dataclasses.fields(cls)]
    assert all(field.domain for field in described.fields)
    assert json.loads(json.dumps(described.to_json()))["name"] == cls.name


def test_what_a_description_holds():
    described = describe(Momentum)
    assert described.equations[0].startswith('velocity="steps":      v ← α v')
    assert described.notes.startswith("α is `momentum`, δ `dampening`.")
    assert described.notes.endswith("δ is 0 at t = 1.")
    velocity = described.fields[3]
    assert (velocity.type, velocity.default, velocity.domain) == ("choice", "steps", "steps or gradients")
    assert describe(WarmUp).fields[-1].default == "constant"


def test_a_formula_without_a_docstring_has_a_description():
    @dataclasses.dataclass(frozen=True)
    class Bare(Momentum):
        pass

    Bare.__doc__ = None
    described = describe(Bare)
    assert described.class_name == "Bare"
    assert len(described.fields) == len(describe(Momentum).fields)
