"""Documents are written in the standard terms of the field: retired phrases do not come back into their prose.

Prose is what is left of a page without code blocks, inline code, comments, link targets and addresses; in Python, the
comments, docstrings and messages of the package.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
MODULES = sorted((CHECKOUT / "src" / "deltarule").rglob("*.py"))

RETIRED = {  # a regular expression, between word boundaries, in any case: what to write instead
    r"houses?|rooms?": "package, architecture",
    r"doors?": "interface, entry point",
    r"nobody": "nothing, or name who does not",
    r"(training|validation|test) parts?": "training, validation or test set",
    r"(samples )?(to learn|learnt|learned|learns|learning) from(?! scratch)": "training samples; fitted on, trained on",
    r"learnt": "fitted, trained, learned",
    r"(to validate|validated?) with": "validation samples",
    r"(what|which) is made small|made small": "objective, loss to minimize",
    r"networks? for (numbers|classes)": "regression, classification",
    r"shares? of( right answers| units| hidden units| samples)": "accuracy, dropout rate, fraction",
    r"kept share|share kept": "dropout rate",
    r"(dealt|deals?) (out|anew|again)": "split, resplit",
    r"anew": "again, at every step",
    r"(?<!standard\s)deviations?": "standard deviation",
    r"running means?": "moving average (EMA)",
    r"running average of the weights": "exponential moving average (EMA) of the weights",
    r"penalty on the (size|squares)": "L1 or L2 regularization",
    r"usually [\d.]+": "default: ...",
    r"passes over the training": "epochs",
    r"at the most": "at most, maximum",
    r"who (computes|trains)|those who": "engine, backend",
    r"no difference seen|not seen|gone unseen": "no significant difference, not significant",
    r"less each": "minus, difference",
    r"parted by": "separated by, comma-separated",
    r"mends?|mended": "fix",
    r"untold": "unknown",
    r"begun": "started",
    r"told of|is told|was told|are told": "notified, called with",
    r"stands? (in|there|here|under|once|beside|between|before|elsewhere|where|inside|on)": "is, is stored, exists",
    r"(lies?|lying) (in|where|there|here|beside|outside|behind|under|once|with)": "is stored, is",
    r"meets?|met": "sees, is evaluated on, waits at",
    r"cannot be meant": "is invalid",
    r"asks? (nobody|nothing)": "is self-contained",
    r"in silence": "silently",
    r"by wish": "on request",
    r"what (was wanted|came)": "what was expected, what was given",
    r"goes on (from|where)|go on (from|where)|taken up again": "resumes, continues",
    r"first weights": "initial weights",
    r"same starts?": "same initial weights",
    r"by heart": "memorize",
    r"hears? of": "is called after",
    r"is taken for": "is interpreted as",
    r"such as": "for example, like",
    r"(a |an )?[\w-]+ of (its|their) own": "its own, separate",
    r"as (it|they) lies?": "in stored order, unchanged",
    r"likes? best": "the best",
    r"nothing like": "unlike",
    r"asked for": "requested",
    r"whatever becomes of": "independently of",
    r"knows nothing": "is independent of",
}
PHRASES = {
    re.compile(r"\b(?:" + phrase.replace(" ", r"\s+") + r")\b", re.IGNORECASE): say for phrase, say in RETIRED.items()
}

NOT_PROSE = re.compile(
    r"^[ ]*```.*?^[ ]*```[ ]*$|<!--.*?-->"
    r"|(`+)(?!`)[^\n]+?(?<!`)\1(?!`)|(?<=\])\([^)\s]*\)|https?://\S+|^ {4}.*?$",
    re.MULTILINE | re.DOTALL,
)


def prose(text: str) -> str:
    """The text of a page with what is not prose blanked out, line by line."""
    return NOT_PROSE.sub(lambda match: re.sub(r"[^\n]", "\0", match[0]), text)


def retired(text: str, name: str) -> list[str]:
    """A line for each retired phrase in the prose of a page: where it is, and what to write instead."""
    plain, found = prose(text), []
    for phrase, say in PHRASES.items():
        for match in phrase.finditer(plain):
            words = " ".join(match[0].split())
            found.append(f"{name}:{plain.count(chr(10), 0, match.start()) + 1}: {words!r} -> say instead: {say}")
    return found


def texts(module: Path) -> Iterator[str]:
    """Comments, docstrings and messages of a module: the latter without the names of described parameters."""
    with tokenize.open(module) as stream:
        for token in tokenize.generate_tokens(stream.readline):
            if token.type == tokenize.COMMENT:
                yield token.string.removeprefix("#").strip()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield re.sub(
                r"^ *\w+(, \w+)* : ", "", re.sub(r"^ *>>> .*$", "", node.value, flags=re.MULTILINE), flags=re.MULTILINE
            )


def name_of(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_retired_phrase_in_the_prose_of(page):
    found = retired(page.read_text(encoding="utf-8"), name_of(page))
    assert not found, "Expected the terms of the field, got retired phrases:\n" + "\n".join(found)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_retired_phrase_in_the_comments_docstrings_and_messages_of(module):
    found = [each for text in texts(module) for each in retired(text.replace("\n    ", "\n"), name_of(module))]
    assert not found, "Expected the terms of the field, got retired phrases:\n" + "\n".join(found)


def test_a_retired_phrase_is_found_in_prose_across_lines_and_with_its_place():
    assert retired("# Title\n\nThe training\npart is small.\n", "page.md") == [
        "page.md:3: 'training part' -> say instead: training, validation or test set"
    ]
    assert len(retired("Samples are Dealt out, and values parted by commas.\n", "page.md")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ show the test part\n```\n",
        "The folder `tests/rooms` and `the test part`.\n",
        "[tests](tests/rooms/nobody)\n",
        "<!-- nobody runs this -->\n",
        "A standard deviation of 1; other words with the same letters: amendment, indoors, metric.\n",
    ],
)
def test_code_comments_and_link_targets_are_not_prose(text):
    assert retired(text, "page.md") == []
