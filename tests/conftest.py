"""What holds for all tests.

Processes start with empty caches: these do not measure what suits the processor. Hypothesis draws the same examples in
every run, other ones where `scripts/guard` asks for many, and sets them no time limit: a busy machine takes more than
its 200 ms for an example that passes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

os.environ.setdefault("DELTARULE_TUNE", "0")

settings.register_profile("repeatable", derandomize="DELTARULE_TEST_EXAMPLES" not in os.environ, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys) -> Callable[..., tuple[str, str]]:
    """Run a command in an empty folder: `shell(*arguments, code=0)` returns its standard output and standard error.

    The exit code has to be `code`.
    """
    from deltarule.cli.main import app

    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            app([str(each) for each in arguments])
        captured = capsys.readouterr()
        assert ended.value.code == code, captured.err
        return captured.out, captured.err

    return run
