"""The base class of illustrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Illustration:
    """Results of training runs, with a sentence and a picture of them.

    name : name in the shell. shows : subject, in a few words.
    A subclass is a frozen dataclass of the results; the same seed gives the same data.
    """

    name: ClassVar[str]
    shows: ClassVar[str]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Do the runs; the seed determines everything random in them."""
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, Any]:
        """Return the numbers shown in the picture, by name."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """Return what the picture shows, in words, with the numbers of these runs."""
        raise NotImplementedError

    def picture(self) -> Figure:
        """Return the picture."""
        raise NotImplementedError
