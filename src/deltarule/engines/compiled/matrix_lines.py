"""Lines about matrices that a batch passes through: products with weights, and kernels of elements."""

from __future__ import annotations

from deltarule.engines.compiled.instructions import Operation
from deltarule.engines.compiled.layout import Block, Share
from deltarule.engines.compiled.lines import Line, line
from deltarule.engines.compiled.memory import Matrix

__all__ = ["apply", "forward"]


def forward(block: Block, address: int, a: Matrix, z: Matrix, each: Share) -> Line:
    """Some rows of z = b + a W, for the columns of a block of weights that lies at `address`."""
    return line(
        Operation.FORWARD,
        a=a.address,
        a_row=a.row,
        depth=block.fan_in,
        w=address,
        w_row=block.stride * z.item_bytes,
        width=block.width,
        z=z.column(block.first),
        z_row=z.row,
        part=each.part,
        parts=each.parts,
    )


def apply(kernel: tuple[int, int], matrices: tuple[Matrix, ...], each: Share) -> Line:
    """A kernel of elements, its body and its constants, over a share of some matrices."""
    first = matrices[0]
    addresses = [matrix.column(each.first) for matrix in matrices] + [0] * (4 - len(matrices))
    # Whole rows are taken with their padding, in one call for all.
    width = first.stride if each.first == 0 and each.width == first.columns else each.width
    return line(
        Operation.APPLY,
        body=kernel[0],
        constants=kernel[1],
        **dict(zip(("one", "two", "three", "four"), addresses, strict=True)),
        many=len(matrices),
        row=first.row,
        width=width,
        part=each.part,
        parts=each.parts,
        item_bytes=first.item_bytes,
    )
