"""Record the first commands in terminals of several widths, and piped: `docs/terminal.md`, its twin and its pictures.

Each command runs as a process of its own on a pseudo-terminal, and what it wrote is replayed on a `Screen`, so that the
pictures show what remains on a real terminal, in its colours. `scripts/record-terminal` writes the page.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterable
from fcntl import ioctl
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
PAGE, CHINESE = DOCS / "terminal.md", DOCS / "terminal.zh.md"
WIDTHS = (60, 80, 120)
COMMANDS = (
    "train digits --epochs 10",
    "show runs/digits-1",
    "compare iris --vary optimizer=sgd,adam --seeds 6 --epochs 10",
    "train digits --optimizer adm",
)
HEAD = """# In the terminal

English · [中文](terminal.zh.md)

The first commands, recorded by `scripts/record-terminal`: what remains on terminals of 60, 80 and 120 columns, and what
a pipe or a file receives. Times are those of the machine that recorded them. `NO_COLOR=1` leaves the colours out.
"""
HEAD_ZH = """# 在终端里

[English](terminal.md) · 中文

下面是最先会用到的几条命令，由 `scripts/record-terminal` 录制：在 60、80 和 120 列的终端上最后留下的内容，以及\
管道或文件得到的内容。图片录自英文环境；“管道”一节录自中文环境（`LANG=zh_CN.UTF-8`，或在命令里加 `--lang zh`），\
其中模型的描述、诊断和比较的结果仍是英文。用时取决于录制所用的机器。设置 `NO_COLOR=1` 就没有颜色。
"""
PIPED_ZH = """
## 管道

在管道里既不上色，也不折行，也不重绘。结果写到标准输出，消息写到标准错误，这里用 `2>&1` 合在一起。

```text
{session}
```
"""
PIPED = """
## Piped

In a pipe nothing is coloured, wrapped or redrawn. Results go to standard output and messages to standard error, here
joined by `2>&1`.

```text
{session}
```
"""
_ESCAPE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")
_SYSTEM = ("PATH", "HOME", "LANG", "PYTHONPATH", "DELTARULE_CACHE", "TMPDIR")


class Screen:
    """What remains on a terminal: lines of characters, each with the colours in which it was written."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[list[tuple[str, str]]] = [[]]
        self.row = self.column = 0
        self.style = ""

    def write(self, text: str) -> None:
        """Replay output: characters, line feeds, carriage returns, colours, and the erasing of lines."""
        place = 0
        for found in _ESCAPE.finditer(text):
            self._characters(text[place : found.start()])
            self._control(found[1], found[2])
            place = found.end()
        self._characters(text[place:])

    def _characters(self, text: str) -> None:
        for character in text:
            if character == "\r":
                self.column = 0
            elif character == "\n":
                self._next_line()
            else:
                if self.column >= self.width:
                    self._next_line()
                line = self.lines[self.row]
                line.extend([(" ", "")] * (self.column + 1 - len(line)))
                line[self.column] = (character, self.style)
                self.column += 1

    def _next_line(self) -> None:
        self.row, self.column = self.row + 1, 0
        while len(self.lines) <= self.row:
            self.lines.append([])

    def _control(self, values: str, letter: str) -> None:
        if letter == "m":
            self.style = "" if values in ("", "0") else f"{self.style}\x1b[{values}m"
        elif letter == "A":
            self.row = max(0, self.row - int(values or 1))
        elif letter == "K":
            self.lines[self.row] = [] if values == "2" else self.lines[self.row][: self.column]

    def ansi(self) -> str:
        """The lines as text with escape sequences for colours alone."""
        rows = []
        for line in self.lines:
            shown, style = [], ""
            for character, wanted in line:
                if wanted != style:
                    shown.append(f"\x1b[0m{wanted}")
                    style = wanted
                shown.append(character)
            rows.append("".join(shown) + ("\x1b[0m" if style else ""))
        return "\n".join(rows).rstrip("\n")


def environment(**further: str) -> dict[str, str]:
    """What the commands' processes see: a terminal of 16 colours, and nothing that depends on the caller's terminal."""
    kept = {name: os.environ[name] for name in _SYSTEM if name in os.environ}
    return {**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUTF8": "1", **further}


def on_terminal(command: str, width: int, folder: Path, **further: str) -> str:
    """Run a command on a terminal; return what it wrote, with its escape sequences."""
    main, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    arguments = [sys.executable, "-m", "deltarule", *command.split()]
    streams = {"stdin": subprocess.DEVNULL, "stdout": terminal, "stderr": terminal}
    with subprocess.Popen(arguments, cwd=folder, env=environment(**further), **streams):  # type: ignore[call-overload]
        os.close(terminal)
        written = bytearray()
        with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
            while more := os.read(main, 1 << 16):
                written += more
    os.close(main)
    return written.decode()


def piped(command: str, folder: Path, **further: str) -> str:
    """Run a command; return what a pipe receives from it. `further` are variables of its environment."""
    arguments = [sys.executable, "-m", "deltarule", *command.split()]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    ended = subprocess.run(arguments, cwd=folder, env=environment(**further), text=True, check=False, **streams)
    return str(ended.stdout).rstrip("\n")


def piped_in_chinese(command: str, folder: Path) -> str:
    """Run a command in a Chinese locale; return what a pipe receives from it."""
    return piped(command, folder, LANG="zh_CN.UTF-8")


def session(run: Callable[[str, Path], str], commands: Iterable[str] = COMMANDS) -> str:
    """Return the prompts and what each command wrote, in one empty folder; `run` takes a command and the folder."""
    with tempfile.TemporaryDirectory() as folder:
        return "\n\n".join(f"$ deltarule {command}\n{run(command, Path(folder))}" for command in commands)


def on_screen(width: int) -> str:
    """Return what the commands leave on a terminal of a width, in its colours."""

    def run(command: str, folder: Path) -> str:
        screen = Screen(width)
        screen.write(on_terminal(command, width, folder))
        return screen.ansi()

    text = session(run)
    for command in COMMANDS:
        prompt = Screen(width)
        prompt.write(f"\x1b[1;32m$\x1b[0m deltarule {command}")
        text = text.replace(f"$ deltarule {command}", prompt.ansi(), 1)
    return text


def picture(text: str, width: int) -> str:
    """Return coloured text as an SVG of a terminal, without a font from elsewhere."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text), soft_wrap=True)
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code", "ui-monospace, DejaVu Sans Mono")
    return console.export_svg(title=f"{width} columns", code_format=form, unique_id=f"t{width}") + "\n"


def record() -> None:
    """Write the pages and the pictures."""
    english, chinese = [HEAD], [HEAD_ZH]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["DELTARULE_CACHE"] = cache  # so that the first command is the first on its machine
        for width in WIDTHS:
            name = f"pictures/terminal-{width}.svg"
            (DOCS / name).write_text(picture(on_screen(width), width), encoding="utf-8")
            english.append(f"\n## {width} columns\n\n![The first commands in a terminal of {width} columns]({name})\n")
            chinese.append(f"\n## {width} 列\n\n![{width} 列终端里最先用到的几条命令]({name})\n")
        received, received_zh = session(piped), session(piped_in_chinese)
    PAGE.write_text("".join([*english, PIPED.format(session=received)]), encoding="utf-8")
    CHINESE.write_text("".join([*chinese, PIPED_ZH.format(session=received_zh)]), encoding="utf-8")


if __name__ == "__main__":
    record()
