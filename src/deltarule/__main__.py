"""The process of the command `deltarule`, also as `python -m deltarule`."""

from deltarule.cli.interrupts import interrupts
from deltarule.cli.streams import reopen_closed


def main() -> None:
    """Run the command line of this process; signals are answered before anything that takes long is imported."""
    reopen_closed()
    interrupts.answer()
    from deltarule.cli.main import app

    app()


if __name__ == "__main__":
    main()
