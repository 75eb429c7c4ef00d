"""What the shell does with bad input."""


def assert_refused(result, words, folder):
    """One sentence with these words, the exit code 2, and nothing on standard output or in the folder."""
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(folder.iterdir()) == []
