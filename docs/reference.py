"""Write docs/reference.md: every public name, with the first line of its docstring."""

from __future__ import annotations

import inspect
from pathlib import Path

import deltarule
from deltarule import errors, formulas

LONGEST = 16
PAGE = Path(__file__).with_suffix(".md")
HEAD = """# Reference

Every public name in one line; `help(name)` has the rest. This page is written by `scripts/docs`.
"""


def line(name: str, thing: object) -> str:
    """A row of the table: the name as it is called, and the first sentence of its docstring."""
    said = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    return f"| `{name}{parameters(thing)}` | {said} |"


def parameters(thing: object) -> str:
    """The names of the parameters, without their types and defaults; nothing for an error."""
    if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return ""
    names = []
    for name, each in inspect.signature(thing).parameters.items():
        if each.kind is each.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        names.append(f"**{name}" if each.kind is each.VAR_KEYWORD else f"*{name}" if "VAR" in each.kind.name else name)
    # An estimator has more than a line holds.
    shown = names if len(names) <= LONGEST else [*names[: LONGEST // 2], "…"]
    return f"({', '.join(shown)})"


def table(names: list[tuple[str, object]]) -> str:
    """The rows under their head."""
    return "\n".join(["| name | |", "| --- | --- |", *(line(name, thing) for name, thing in names)])


def page() -> str:
    """The whole page."""
    public = [(name, getattr(deltarule, name)) for name in deltarule.__all__ if name != "__version__"]
    inner = [(name, getattr(formulas, name)) for name in formulas.__all__ if name not in deltarule.__all__]
    raised = [(name, getattr(errors, name)) for name in errors.__all__ if inspect.isclass(getattr(errors, name))]
    sections = {
        "`import deltarule as dr`": table(public),
        "`deltarule.formulas`": table(inner),
        "`deltarule.errors`": table(raised),
    }
    return "\n".join([HEAD, *(f"## {title}\n\n{rows}\n" for title, rows in sections.items())])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
