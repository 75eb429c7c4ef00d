"""The interface of an export to C: the row, the names of functions, the header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deltarule.models.export.columns import RawColumn
from deltarule.models.export.description import Description

__all__ = ["Interface", "interface_of"]

_RESERVED = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "bool",
        "class",
        "new",
        "this",
    ]
)
_KINDS = {"number": "a number", "date": "days since 1970-01-01"}


@dataclass(frozen=True)
class Interface:
    """The names in an export.

    name : what public names begin with.
    fields : the field of the row for each column, by the column's name; none for arrays.
    """

    name: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """The parameter for a raw row."""
        return f"const {self.name}_row *row" if self.fields else "const float *x"

    @property
    def argument(self) -> str:
        """The name of that parameter."""
        return "row" if self.fields else "x"

    def declarations(self, description: Description) -> dict[str, str]:
        """Return the declaration of each public function, with a line that explains it."""
        made = {}
        outputs = description.outputs
        if "code" in outputs:
            k = outputs["probabilities"].size
            made[f"int {self.name}_predict({self.row})"] = f"Return the place of the predicted class, 0 to {k - 1}."
        if description.labelled:
            made[f"void {self.name}_predict_proba({self.row}, float *probabilities)"] = "Compute the probabilities."
        else:
            made[f"void {self.name}_predict({self.row}, float *numbers)"] = "Compute the predicted numbers."
        for column in description.columns:
            if column.text:
                made[f"int {self.name}_code_{self.fields[column.name]}(const char *text)"] = (
                    f"Return the code of a text in column {comment(column.name)}."
                )
        if any(column.kind == "date" for column in description.columns):
            made[f"double {self.name}_days(int year, int month, int day)"] = "Return a date as days since 1970-01-01."
        return made

    def header(self, description: Description, weights: int, stack: int) -> str:
        """Return the header."""
        guard = f"{self.name.upper()}_H"
        lines = [f"/* {comment(description.title)}. Written by deltarule.", " *"]
        lines += [
            f" * Constants: {weights} bytes. Stack: about {stack + 200} bytes. No allocation, no global state.",
            " */",
        ]
        lines += [f"#ifndef {guard}", f"#define {guard}", ""]
        lines += self._row(description) if self.fields else self._array(description)
        lines += self._outputs(description)
        for declaration, explanation in self.declarations(description).items():
            lines += [f"/* {explanation} */", f"{declaration};"]
        return "\n".join([*lines, "", f"#endif /* {guard} */", ""])

    def _array(self, description: Description) -> list[str]:
        size = 1
        for each in description.input_shape:
            size *= each
        shape = " x ".join(map(str, description.input_shape))
        return [f"/* x: raw inputs, {shape} numbers. */", f"#define {self.name.upper()}_INPUTS {size}", ""]

    def _row(self, description: Description) -> list[str]:
        lines = ["/* A raw row. Missing: NAN for numbers; for codes the largest one. */", "typedef struct {"]
        for column in description.columns:
            own = self.fields[column.name]
            lines.append(f"    {'int' if column.text else 'double'} {own}; /* {_explained(column)} */")
        return [*lines, f"}} {self.name}_row;", ""]

    def _outputs(self, description: Description) -> list[str]:
        node = description.outputs.get("probabilities", description.outputs.get("numbers"))
        assert node is not None
        lines = [f"#define {self.name.upper()}_OUTPUTS {node.size}"]
        if description.targets:
            lines.append(f"/* Outputs: {comment(', '.join(description.targets), 400)} */")
        if description.classes is not None:
            names = description.class_names or description.classes.tolist()
            lines.append(f"/* Classes: {comment(', '.join(map(str, names)), 400)} */")
            lines.append(f"extern const char *const {self.name}_classes[{len(description.classes)}];")
        return [*lines, ""]

    def functions(self, description: Description) -> list[str]:
        """Return the definitions of the public functions and constants."""
        outputs, made = description.outputs, []
        node = outputs.get("probabilities", outputs.get("numbers"))
        assert node is not None
        if description.classes is not None:
            words = ", ".join(quoted(str(each)) for each in description.classes.tolist())
            made.append(f"const char *const {self.name}_classes[{len(description.classes)}] = {{{words}}};\n")
        for declaration in self.declarations(description):
            body = self._definition(declaration, description, node.size)
            made.append(f"{declaration}\n{{\n{body}\n}}\n")
        return made

    def _definition(self, declaration: str, description: Description, size: int) -> str:
        if "_code_" in declaration:
            own = declaration.partition("_code_")[2].partition("(")[0]
            column = next(each for each in description.columns if self.fields[each.name] == own)
            return _lookup(column)
        if declaration.startswith("double "):
            return _DAYS
        if declaration.startswith("int "):
            return f"    float out[{size}];\n    return compute({self.argument}, out);"
        output = "probabilities" if description.labelled else "numbers"
        return f"    {'(void)' if 'code' in description.outputs else ''}compute({self.argument}, {output});"


_DAYS = """\
    const long y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    const long era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    const long of_year = (153 * m + 2) / 5 + day - 1;
    return (double)(era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468);"""


def interface_of(description: Description, name: str) -> Interface:
    """Return the names of an export."""
    fields: dict[str, str] = {}
    for column in description.columns:
        plain = identifier(column.name)
        own = next(each for each in _numbered(plain) if each not in fields.values())
        fields[column.name] = own
    return Interface(identifier(name), fields)


def _numbered(name: str) -> list[str]:
    return [name, *(f"{name}_{number}" for number in range(2, 100_000))] if name else []


def identifier(text: str) -> str:
    """Return a name in C for a text.

    >>> identifier("native-country"), identifier("2nd"), identifier("int"), identifier("é")
    ('native_country', 'x2nd', 'int_', 'x')
    """
    name = re.sub(r"[^0-9a-zA-Z]+", "_", text).strip("_") or "x"
    name = f"x{name}" if name[0].isdigit() else name
    return f"{name}_" if name in _RESERVED else name


def comment(text: str, longest: int = 80) -> str:
    """Return a text for a comment: in ASCII, on one line, without an end of it."""
    shown = text if len(text) <= longest else f"{text[:longest]}..."
    plain = shown.replace("×", "x").encode("ascii", "backslashreplace").decode()
    return re.sub(r"\s+", " ", plain).replace("*/", "* /").replace("/*", "/ *")


def quoted(text: str) -> str:
    r"""Return a text as a literal, in UTF-8.

    >>> print(quoted('a "b"\n'))
    "a \"b\"\012"
    """
    plain = {letter: chr(letter) for letter in range(32, 127)} | {34: '\\"', 63: "\\077", 92: "\\134"}
    return '"' + "".join(plain.get(letter, f"\\{letter:03o}") for letter in text.encode()) + '"'


def _explained(column: RawColumn) -> str:
    name = comment(column.name)
    if not column.text:
        return f"{name}: {_KINDS[column.kind]}"
    words = [f"{place} {word}" for place, word in enumerate(column.words)]
    shown = ", ".join(words[:12] + ["..."] * (len(words) > 12))
    return comment(f"{name}: {shown}, {len(words)} any other, {len(words) + 1} missing", 300)


def _lookup(column: RawColumn) -> str:
    assert column.codes is not None
    words = column.codes.all
    texts = ", ".join(quoted(word) for word in words)
    codes = ", ".join(map(str, words.values()))
    return "\n".join(
        [
            f"    static const char *const texts[] = {{{texts}}};",
            f"    static const short codes[] = {{{codes}}};",
            f"    for (int i = 0; text != NULL && i < {len(words)}; ++i) {{",
            "        const char *a = text, *b = texts[i];",
            "        while (*a != 0 && *a == *b) {",
            "            ++a;",
            "            ++b;",
            "        }",
            "        if (*a == *b)",
            "            return codes[i];",
            "    }",
            f"    return text == NULL ? {len(column.words) + 1} : {column.codes.unknown};",
        ]
    )
