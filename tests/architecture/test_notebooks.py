"""The notebooks in examples/: their cells run in order, what they show is HTML, and one has the README's lines."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
NOTEBOOKS = sorted((CHECKOUT / "examples").glob("*.ipynb"))


def code_cells(notebook):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells), "clear the outputs"
    return ["".join(cell["source"]) for cell in cells]


def executed(cell, namespace):
    """Run a cell as a notebook does; return the value of its last line if that is an expression."""
    tree = ast.parse(cell)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), namespace)
    return None if last is None else eval(compile(last, "cell", "eval"), namespace)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_cells_run_and_show_something(notebook, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    namespace, shown = {}, 0
    for cell in code_cells(notebook):
        value = executed(cell, namespace)
        for method in ("_repr_html_", "_repr_png_"):
            if hasattr(value, method):
                assert len(getattr(value, method)()) > 100
                shown += 1
    assert shown >= 5
    assert capfd.readouterr().err == ""


def test_a_notebook_has_the_lines_of_the_readme():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)[1]
    lines = [line for line in block.splitlines() if line.strip() and line != "print(run)"]
    cells = "\n".join(code_cells(CHECKOUT / "examples" / "first_steps.ipynb"))
    assert [line for line in lines if line not in cells] == []
