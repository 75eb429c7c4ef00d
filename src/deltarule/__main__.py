"""The process of the command `deltarule`, also as `python -m deltarule`."""

import gc

from deltarule.cli.interrupts import interrupts
from deltarule.cli.streams import reopen_closed

# Objects between two searches for reference cycles. By default there are 700, and importing creates so many objects,
# nearly all of them for good, that the searches would take a tenth of a short command's time.
_BETWEEN_COLLECTIONS = 200_000


def main() -> None:
    """Run the command line of this process; signals are answered before anything that takes long is imported."""
    reopen_closed()
    interrupts.answer()
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    from deltarule.cli.main import app

    app()


if __name__ == "__main__":
    main()
