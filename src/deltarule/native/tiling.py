"""How matrix products are cut into register tiles, panels and blocks, and what else may differ between processors.

None of these choices changes a bit of a result: every number stays one chain of multiply-adds in the order of k, and
quotients and roots are correctly rounded.
`tuning` chooses among `candidates` by measuring.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

__all__ = [
    "FAR_BYTES", "FAR_VECTORS", "MOST_ROWS", "NEVER", "PACKED_DEPTH", "PANEL_VECTORS", "WIDEST", "Tiling", "candidates",
    "default_tiling",
]  # fmt: skip

WIDEST, MOST_ROWS = 8, 15
"""Vectors of the widest tile; the number of rows from which on the width of tiles is the same."""
PANEL_VECTORS = 2048
"""The most vectors of a transposed panel: 128 KiB where a vector is 64 bytes."""
PACKED_DEPTH, NEVER = 256, 1 << 40
FAR_VECTORS, FAR_BYTES = 32, 1024
"""Rows of more vectors and bytes are far apart: a panel of the matrix has little of a page of memory."""
_SUMS_IN_FLIGHT = 8  # hide the latency of an addition


@dataclass(frozen=True)
class Tiling:
    """Heights and widths of tiles in rows and vectors, the form of their addresses, and the size of blocks.

    heights : the greatest height for each width from 0 to 8.
    widest : the greatest width where there are rows enough.
    addresses : of A's rows: "groups" steps a pointer for every four rows; "multiples" steps one, and adds multiples of
        the stride that stay in registers.
    prefetch : rows of B that are fetched ahead into the first cache; 0 for none.
    block_rows : rows of A to a block: what a panel is multiplied with stays in the second or third cache.
    block_depth, uncut_depth : a block's depth, and the depth up to which there is one block.
    panel_width, panel_depth : of a transposed or copied panel, in vectors and rows.
    packed : columns of B from which A is copied first where columns of it are multiplied, so that a tile reads
        neighbouring lines and not one of each memory page; `NEVER` for no number. A depth less than `PACKED_DEPTH`
        fits the first cache as it lies.
    copied : rows of the result from which B, if its rows are far apart, is copied panel by panel first, so that a tile
        reads one line after the other; `NEVER` for no number.
    pairs : of bfloat16 numbers are multiplied by "instruction", where the processor has it, or by "multiply-adds".
    estimates : the operations of formulas, "divide" or "sqrt", that begin from the processor's estimates.
    """

    heights: tuple[int, ...]
    widest: int
    addresses: str = "groups"
    prefetch: int = 0
    block_rows: int = 512
    # B is read in place, a few cache lines of each row: at 512 rows these stay in the second cache even if each
    # is in a different memory page. Up to 1024 it does not pay to cut in two.
    block_depth: int = 512
    uncut_depth: int = 1024
    # Two vectors are wide enough for tall tiles, and quicker to transpose than a wider panel.
    panel_width: int = 2
    panel_depth: int = 1024
    packed: int = 128
    copied: int = 128
    pairs: str = "instruction"
    estimates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a panel that is larger than the memory for it."""
        assert self.panel_width * self.panel_depth <= PANEL_VECTORS
        assert self.panel_depth <= PANEL_VECTORS // 2

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Every tile's height and width."""
        return [(height, width) for width, most in enumerate(self.heights) for height in range(1, most + 1)]

    @property
    def widths(self) -> tuple[int, ...]:
        """The greatest width for each number of rows from 0 to 15: few rows need wide tiles for sums enough."""
        enough = (-(-_SUMS_IN_FLIGHT // rows) for rows in range(1, MOST_ROWS + 1))
        return (1, *(max(self.widest, width) for width in enough))

    def replace(self, **changes: object) -> Tiling:
        """Return the tiling with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]  # names and types of the fields


def default_tiling(registers: int, fused: bool) -> Tiling:
    """Return the tiling without any measurement: sums, a row's vectors and a broadcast number fit the registers.

    fused : whether multiply-adds are one instruction; if not, a product needs a register as well.

    >>> default_tiling(32, fused=True).widths
    (1, 8, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4)
    >>> default_tiling(16, fused=True).widths
    (1, 8, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3)
    >>> default_tiling(16, fused=False).heights
    (0, 12, 6, 3, 2, 1, 1, 1, 1)
    """
    if registers == 32:
        return Tiling((0, 12, 12, 8, 6, 1, 1, 1, 1), widest=4)
    if fused:
        return Tiling((0, 12, 6, 4, 2, 1, 1, 1, 1), widest=3, copied=64)
    return Tiling((0, 12, 6, 3, 2, 1, 1, 1, 1), widest=2)


def candidates(registers: int, fused: bool) -> dict[str, tuple[dict[str, object], ...]]:
    """Return what is tried beside the default, one question after the other: the fields that each candidate changes.

    >>> {question: len(changes) for question, changes in candidates(32, fused=True).items()}
    {'addresses': 1, 'tiles': 3, 'prefetch': 1, 'panels': 1, 'blocks': 2, 'packing': 1, 'copying': 1}
    """
    tiles: tuple[dict[str, object], ...]
    if registers == 32:
        tiles = {"widest": 3}, {"widest": 2}, {"heights": (0, 14, 14, 9, 6, 1, 1, 1, 1)}
    else:
        tiles = ({"widest": 2 if fused else 3},)
    return {
        "addresses": ({"addresses": "multiples"},),
        "tiles": tiles,
        "prefetch": ({"prefetch": 8},),
        "panels": ({"panel_width": 4, "panel_depth": 512},),
        "blocks": ({"block_rows": 256, "block_depth": 256, "uncut_depth": 512}, {"uncut_depth": 2048}),
        "packing": ({"packed": NEVER},),
        "copying": ({"copied": NEVER},),
    }
