"""Write what is read off the code: the reference, the formulas' sections of the documents, and the type stubs.

`docs/reference.md` is generated as a whole. In other pages, what is between `<!-- generated: ... -->` and
`<!-- end -->` is: `formulas KIND` describes every formula of a kind, `table KIND` lists them, `records NAME` lists the
records on a data set. The stubs say to type checkers what `deltarule.formulas.namespace` finds in the folder of each
kind.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import deltarule
from deltarule import errors, formulas
from deltarule.experiments.records import RECORDS
from deltarule.experiments.records.page import markdown
from deltarule.formulas import Description, Formula, describe, registered
from deltarule.formulas.namespace import modules_of, public_names

LONGEST = 16
DOCS = Path(__file__).parent
PAGES = [DOCS / "formulas.md", DOCS / "augmentation.md", DOCS / "records.md"]
PACKAGE = DOCS.parent / "src" / "deltarule" / "formulas"
NAMESPACES = sorted(init.parent.name for init in PACKAGE.glob("*/__init__.py"))
PART = re.compile(r"(<!-- generated: (\w+) (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

HEAD = """# Reference

Every public name in one line; `help(name)` has the rest. This page is written by `scripts/generate`.
"""
OF_FORMULAS = """Those marked with * are in `deltarule` too: `dr.{example}`.

"""


def line(name: str, thing: object, mark: str = "") -> str:
    """A row of the table: the name as it is called, and the first sentence of its docstring."""
    summary = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")
    return f"| `{name}{parameters(thing)}`{mark} | {_cell(summary)} |"


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


def table(rows: list[str]) -> str:
    """The rows under their head."""
    return "\n".join(["| name | |", "| --- | --- |", *rows])


def reference() -> str:
    """The whole page of public names."""
    public = {name: getattr(deltarule, name) for name in deltarule.__all__ if name != "__version__"}
    own = {name: value for name, value in public.items() if not _is_formula(value)}
    sections = {"`import deltarule as dr`": table([line(*each) for each in own.items()])}
    for namespace in NAMESPACES:
        module = getattr(formulas, namespace)
        rows = [line(name, getattr(module, name), " *" if name in public else "") for name in module.__all__]
        example = next((name for name in module.__all__ if name in public), None)
        sections[f"`dr.{namespace}`"] = (OF_FORMULAS.format(example=example) if example else "") + table(rows)
    inner = {
        name: value
        for name, value in vars(formulas).items()
        if getattr(value, "__module__", "").startswith("deltarule.formulas.") and not name.startswith("_")
        if not any(name in getattr(formulas, namespace).__all__ for namespace in NAMESPACES)
    }
    sections["`deltarule.formulas`"] = table([line(name, inner[name]) for name in sorted(inner)])
    raised = [name for name in errors.__all__ if inspect.isclass(getattr(errors, name))]
    sections["`deltarule.errors`"] = table([line(name, getattr(errors, name)) for name in raised])
    return "\n".join([HEAD, *(f"## {title}\n\n{rows}\n" for title, rows in sections.items())])


def _is_formula(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Formula)


def page(text: str) -> str:
    """A page with its generated parts written anew."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found[2]](found[3])}{found[4]}", text)


def described(kind: str) -> Iterator[Description]:
    """The formulas of a kind that are the package's own."""
    return (describe(cls) for cls in registered(kind) if cls.__module__.startswith("deltarule."))


def sections_of(kind: str) -> str:
    """Every formula of a kind: names, summary, equations, notes, fields and source."""
    return "\n" + "".join(f"{block}\n\n" for each in described(kind) for block in _section(each))


def _section(each: Description) -> Iterator[str]:
    yield f"### {each.class_name}"
    yield f"{_names(each)}: {each.summary}"
    yield "\n".join(["```text", *each.equations, "```"])
    if each.notes:
        yield each.notes
    if each.fields:
        rows = [f"| `{field.name}` | `{field.default}` | {_cell(field.domain)} |" for field in each.fields]
        yield "\n".join(["| field | default | values |", "| --- | --- | --- |", *rows])
    if each.source:
        yield f"Source: {each.source}"


def _names(each: Description) -> str:
    return ", ".join(f"`{name}`" for name in (each.name, *each.aliases))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def table_of(kind: str) -> str:
    """Every formula of a kind in a row."""
    rows = [
        f"| `{each.class_name}` | {_names(each)} | "
        f"{', '.join(f'`{field.name}={field.default}`' for field in each.fields)} | {_cell(each.summary)} |"
        for each in described(kind)
    ]
    return "\n".join(["| class | names | fields | |", "| --- | --- | --- | --- |", *rows]) + "\n"


def records_of(dataset: str) -> str:
    """The records on a data set, with what was measured and published."""
    return markdown(RECORDS.values(), dataset)


PARTS = {"formulas": sections_of, "table": table_of, "records": records_of}


def stub(package: ModuleType) -> str:
    """The public names of a package's files, as a type checker reads them."""
    names = (
        f"from {module.__name__} import {name} as {name}"
        for module in modules_of(package.__name__)
        for name in public_names(module)
    )
    return "\n".join(["# Written by scripts/generate from the files of this folder.", *names]) + "\n"


def generated() -> dict[Path, str]:
    """Every generated file, and what it should hold."""
    stubs = {PACKAGE / name / "__init__.pyi": stub(getattr(formulas, name)) for name in NAMESPACES}
    pages = {path: page(path.read_text(encoding="utf-8")) for path in PAGES}
    return {DOCS / "reference.md": reference(), **pages, **stubs}


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
