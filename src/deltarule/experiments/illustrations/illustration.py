"""What every illustration offers: a run, the figures it shows, a sentence of them, and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Illustration:
    """Runs made by the package's own formulas and engine, kept as data.

    name : what the shell calls it. shows : what it is about, in a few words.
    A subclass is a frozen dataclass of what the runs left behind; the same seed gives the same data.
    """

    name: ClassVar[str]
    shows: ClassVar[str]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Do the runs; the seed decides whatever is random in them."""
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, Any]:
        """The figures that the picture shows, by name."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """What is to be seen, in plain words, with the figures of these runs."""
        raise NotImplementedError

    def picture(self) -> Figure:
        """The picture, drawn from the data."""
        raise NotImplementedError
