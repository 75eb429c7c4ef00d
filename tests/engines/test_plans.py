"""Plans as text: every address of every instruction has a name."""

import re
import sys

import pytest
from tests.engines.test_definitions import CHOSEN

import deltarule as dr
from deltarule.cli.main import main
from deltarule.engines.compiled.plan.printing import Named, Names
from deltarule.errors import RecipeError
from deltarule.training.plan import plan_text


def steps(text):
    """The lines of each thread's training step, spaces folded."""
    sections = [section for section in text.split("\n\n") if section.startswith("  ")]
    return [[" ".join(line.split()) for line in section.splitlines()] for section in sections]


@pytest.mark.parametrize("name", CHOSEN)
def test_everything_has_a_name(name):
    recipe, data, _ = CHOSEN[name]
    text = plan_text(recipe, data, n_threads=2)
    assert not re.search(r"memory|∅|\{|\bmatrix\b|\bkernel\b|scratch|\d{9}", text)


def test_two_threads_divide_columns_and_what_is_left_over_by_rows():
    first, second, *_ = steps(plan_text(dr.Recipe(network=dr.Network(hidden=(40,))), CHOSEN["plain"][1], n_threads=2))
    assert "Forward z1[:, 0:16] = b1[0:16] + x W1[:, 0:16]" in first
    assert "Forward z1[:, 16:32] = b1[16:32] + x W1[:, 16:32]" in second
    assert "Forward z1[2/2, 32:40] = b1[32:40] + x[2/2] W1[:, 32:40]" in second
    assert "Backward dz1[1/2] = dz2[1/2] W2ᵀ" in first
    assert "Update W1[0:5, 32:40], slots = adam(x[:, 0:5]ᵀ dz1[:, 32:40])" in first
    assert "Update W1[5:11, 32:40], slots = adam(x[:, 5:11]ᵀ dz1[:, 32:40])" in second
    assert "AddToSums sums += Σ weights, Σ weights losses, Σ weights errors" in first
    assert not any(line.startswith("AddToSums") for line in second)


def test_a_layer_with_few_weights_is_divided_by_rows_and_waits_only_where_columns_are_divided():
    recipe = dr.Recipe(network=dr.Network(hidden=(24, 20, 20)), batch_size=40)
    first, *_ = steps(plan_text(recipe, CHOSEN["plain"][1], n_threads=2))
    of_products = ["Wait", "Forward", "Backward", "Update"]
    kinds = [line.split()[0] for line in first if line.split()[0] in of_products]
    assert kinds[:8] == ["Forward", "Wait", "Forward", "Forward", "Forward", "Backward", "Backward", "Backward"]
    assert [kind for kind in kinds[8:] if kind != "Update"] == ["Wait", "Wait"]
    assert "Forward z2[1/2] = b2 + a1[1/2] W2" in first
    assert "Update W2[0:12], slots = adam(a1[:, 0:12]ᵀ dz2)" in first


def test_threads_that_do_the_same_are_printed_once():
    text = plan_text(dr.Recipe(), CHOSEN["plain"][1], n_threads=3)
    assert "Evaluating a block of at most 64 validation samples, threads 1, 2, 3" in text


def test_an_optimizer_without_steps_has_no_plan():
    with pytest.raises(RecipeError, match="lbfgs"):
        plan_text(dr.Recipe(optimizer="lbfgs"), CHOSEN["plain"][1])


def test_memory_beyond_what_was_named_has_no_name():
    names = Names([Named("x", 1000, 2, 4, 32, 8), Named("y", 2000, 1, 4, 32, 8)])
    found = [names.find(address) for address in (999, 1000, 1063, 1064, 2031, 2032)]
    assert [each.name if each else None for each in found] == [None, "x", "x", None, "y", None]


def test_the_command_says_which_option_helps(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["deltarule", "plan", "iris", "--optimizer", "lbfgs"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "Try: --optimizer adam" in " ".join(capsys.readouterr().err.split())
