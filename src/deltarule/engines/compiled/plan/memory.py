"""The matrices that a batch passes through, and whatever else plans point at, kept for as long as they run."""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.gather import Gatherer
from deltarule.engines.compiled.codegen.kernels import Kernel
from deltarule.engines.compiled.plan.instruction import Instruction, stored
from deltarule.engines.compiled.plan.layers import Apply, Forward
from deltarule.engines.compiled.plan.layout import Block, Share
from deltarule.engines.compiled.plan.printing import SCRATCH, Named, Names
from deltarule.engines.compiled.plan.tables import NO_MATRIX, Gathering, KernelCall, MatrixAt, Plan, PreparedKernel
from deltarule.engines.parameters import Shape
from deltarule.native.products import padded, row_stride
from deltarule.native.structs import Address, Count, Stride

Thing = TypeVar("Thing")

__all__ = ["Arena", "Matrix", "Passage", "aligned", "apply", "forward"]

_LINE = 64


def aligned(items: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros, (items,), that begin at a cache line."""
    kind = np.dtype(dtype)
    memory = np.zeros(items * kind.itemsize + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + items * kind.itemsize].view(kind)


@dataclass(frozen=True)
class Matrix:
    """A matrix by address: `columns`, padded; `stride` numbers, `row` bytes, from one row to the next."""

    address: Address
    columns: Count
    stride: Count
    row: Stride
    item_bytes: Stride

    def part(self, column: int = 0) -> MatrixAt:
        """The columns from one on."""
        return MatrixAt(self.column(column), self.row)

    def rows_of(self, block: Block, column: int = 0) -> MatrixAt:
        """The columns from one on, of the rows that a block of weights is for: of all, or of one member."""
        return MatrixAt(Address(self.column(column) + block.member * self.row), Stride(self.row * block.members))

    def column(self, number: int) -> Address:
        """Where a column begins."""
        return Address(self.address + number * self.item_bytes)

    def view(self, rows: int) -> npt.NDArray[Any]:
        """The numbers themselves, (rows, stride); whoever handed out the matrix must live."""
        kind = ctypes.c_float if self.item_bytes == 4 else ctypes.c_double
        return np.ctypeslib.as_array((kind * self.stride * rows).from_address(self.address))


class Arena:
    """Hands out memory, and keeps it and whatever else plans point at.

    names : of what was handed out. lasting : arrays whose numbers mean something after a step; scratch : the others.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.names = Names()
        self.lasting, self.scratch = list[npt.NDArray[Any]](), list[npt.NDArray[Any]]()
        self._kept: list[Any] = []
        self.operands = 0
        """Addresses that the kernel with the most inputs and outputs takes, of those that are kept here."""

    def keep(self, array: npt.NDArray[Any], name: str = "") -> Address:
        """The address of an array, which stays alive."""
        address = Address(array.ctypes.data)
        self._kept.append(array)
        (self.scratch if name == SCRATCH else self.lasting).append(array)
        if name and array.size:
            rows, columns = array.shape if array.ndim == 2 else (1, array.size)
            row = array.strides[0] if array.ndim == 2 else array.nbytes
            self.names.add(Named(name, address, rows, columns, row, array.itemsize))
        return address

    def hold(self, thing: Thing, address: int = 0) -> Thing:
        """The thing itself, kept alive: two threads may each make what is made once. `names` know it by an address."""
        self._kept.append(thing)
        if address:
            self.names.things[address] = thing
        return thing

    def numbers(self, items: int, name: str = "") -> Address:
        """The address of zeros of the engine's precision."""
        return self.keep(aligned(items, self.dtype), name)

    def words(self, items: int, name: str = "") -> Address:
        """The address of zero words."""
        return self.keep(aligned(items, np.int64), name)

    def constants(self, kernel: Kernel, **changed: float) -> KernelCall:
        """A kernel whose scalars stay as they are, with its constants."""
        constants = self.keep(kernel.shared(**changed))
        self._hold_kernel(kernel, constants)
        return KernelCall(Address(kernel.body), constants)

    def prepared(self, kernel: Kernel, name: str = "") -> PreparedKernel:
        """Return a kernel with the initial values of its scalars, and memory for its constants."""
        constants = self.numbers(max(1, kernel.constants), name)
        self._hold_kernel(kernel, constants)
        scalars = self.keep(np.array(kernel.values or (0.0,)), name)
        return PreparedKernel(Address(kernel.prologue), scalars, KernelCall(Address(kernel.body), constants))

    def gathering(self, gatherer: Gatherer) -> Gathering:
        """A function that builds rows, and its scaling."""
        self.hold(gatherer, gatherer.address)
        return Gathering(Address(gatherer.address), self.keep(gatherer.shift), self.keep(gatherer.factor))

    def plan(self, instructions: Sequence[Instruction]) -> tuple[Plan, npt.NDArray[np.int64]]:
        """A plan in memory, and the words of its instructions."""
        table, words = stored(instructions)
        self.hold(words)
        return Plan(self.keep(table), Count(len(table))), words

    def _hold_kernel(self, kernel: Kernel, constants: Address) -> None:
        self.hold(kernel, constants)
        self.operands = max(self.operands, len(kernel.inputs) + len(kernel.outputs))

    def matrix(self, rows: int, columns: int, name: str = "matrix") -> Matrix:
        """A matrix of zeros whose rows do not compete for places in the nearest cache."""
        item = self.dtype.itemsize
        stride = row_stride(columns, item, period=1024)
        address = self.numbers(rows * stride)
        self.names.add(Named(name, address, rows, columns, stride * item, item))
        return Matrix(address, Count(padded(columns)), Count(stride), Stride(stride * item), Stride(item))


class Passage:
    """What a batch of `rows` samples becomes on its way through the network.

    x : the scaled inputs; `unscaled` the first layer's inputs before their factors and `first` with them: the same
    where there are none. The `numbers` that are embedded, and the outputs of their embedding beside each other. For
    each hidden layer z and a; the output's z; on the way back dz for each layer, and `back`, ∂C/∂ of the first layer's
    inputs, where something before it is trained or, `to_inputs`, they are perturbed; masks where a layer's inputs are
    dropped; y, and a loss, an error and a weight for each row. Of a normalised network also the weighted sums of hidden
    layers, where they become the normalised ones; four words for each of their columns, γ and β side by side, and a
    word for each row. Of parametric activations σ(z), which the way back needs.

    Of several members, z, a, dz and masks of hidden layers have a row for each member of each sample, as the targets
    and losses of the members; so have the `factored` inputs of layers, and the weighted sums before the factors, which
    are in `normalized`. `outputs` are those of the mean prediction, with a row for each sample; of one member, its z.

    own_inputs : whether x is one thread's own, who builds all of its rows.
    """

    own_inputs = False

    def __init__(
        self,
        arena: Arena,
        rows: int,
        shape: Shape,
        rates: Sequence[float],
        *,
        backward: bool,
        to_inputs: bool = False,
    ) -> None:
        self.rows = rows
        sizes = shape.sizes
        hidden = sizes[1:-1] if shape.normalization is not None else ()
        members = self.members = shape.members
        outputs = [*sizes[1:-1], shape.outputs]

        def each(name: str, layers: Sequence[int], rows: int = rows * members) -> list[Matrix]:
            return [arena.matrix(rows, units, f"{name}{layer}") for layer, units in enumerate(layers, start=1)]

        self.normalized = each("s", hidden)
        self.rooms = [arena.words(4 * padded(units), SCRATCH) for units in hidden]
        self.trained = each("γβ", hidden, 2)
        self.statistics = [self._column(arena, f"variances{layer + 1}", np.float64) for layer, _ in enumerate(hidden)]
        self.factored = list[Matrix]()
        self.x = arena.matrix(rows, shape.inputs, "x")
        self.unscaled = self.x if shape.stage is None else arena.matrix(rows, sizes[0], "e")
        if shape.stage is not None and shape.stage.embedding is not None:
            numbers = len(shape.stage.embedded)
            self.numbers = arena.matrix(rows, numbers, "numbers")
            self.embedded = arena.matrix(rows, padded(numbers) * shape.stage.embedding.width, "embedded")
        self.first = arena.matrix(rows, sizes[0], "xs") if shape.input_scale else self.unscaled
        self.z = each("z", outputs)
        self.a = each("a", sizes[1:-1])
        self.activated = each("v", sizes[1:-1]) if backward and shape.slopes is not None else []
        self.d = each("dz", outputs) if backward else []
        before = to_inputs or shape.input_scale or shape.stage is not None
        self.back = arena.matrix(rows, sizes[0], "dx") if backward and before else self.x
        self.y = arena.matrix(rows, shape.outputs, "y")
        self.losses, self.errors, self.weights = (
            self._column(arena, name, arena.dtype) for name in ("losses", "errors", "weights")
        )
        self.masks = [self._mask(arena, layer) if rate and backward else NO_MATRIX for layer, rate in enumerate(rates)]
        self.outputs = self.z[-1]
        if members > 1:
            self._add_members(arena, shape, backward=backward)

    def _add_members(self, arena: Arena, shape: Shape, *, backward: bool) -> None:
        """Allocate what only several members have."""
        rows, inputs = self.rows * self.members, shape.sizes[:-1]
        factored = inputs[:-1] if shape.full else inputs[:1]
        self.factored = [arena.matrix(rows, units, f"xr{layer}") for layer, units in enumerate(factored, start=1)]
        if shape.full:
            self.normalized = [arena.matrix(rows, units, f"u{layer}") for layer, units in enumerate(inputs[1:], 1)]
        self.outputs = arena.matrix(self.rows, shape.outputs, "z")
        self.member_y = arena.matrix(rows, shape.outputs, "members' y") if backward else self.y
        self.member_back = arena.matrix(rows, inputs[0], "members' dx") if backward else self.back
        self.member_losses, self.member_weights = (
            arena.keep(aligned(rows, arena.dtype).reshape(rows, 1), f"members' {name}")
            for name in ("losses", "weights")
        )

    def with_own_inputs(self, arena: Arena, columns: int) -> Passage:
        """The same passage with another x, for one thread; nothing may be between x and the first layer."""
        own = copy.copy(self)
        own.x = own.unscaled = own.first = arena.matrix(self.rows, columns, "x")
        own.own_inputs = True
        return own

    def _column(self, arena: Arena, name: str, dtype: npt.DTypeLike) -> Address:
        """A number for each row."""
        return arena.keep(aligned(self.rows, dtype).reshape(self.rows, 1), name)

    def _mask(self, arena: Arena, layer: int) -> MatrixAt:
        """Allocate a bit for each of a layer's inputs."""
        row = Stride(self.drawn(layer).stride // 8)
        rows = self.rows * (self.members if layer > 0 else 1)
        return MatrixAt(arena.keep(aligned(rows * row, np.uint8).reshape(rows, row), f"mask{layer}"), row)

    def sums(self, layer: int) -> Matrix:
        """Where a layer's weighted sums go."""
        return self.normalized[layer] if layer < len(self.normalized) else self.z[layer]

    def inputs(self, layer: int) -> Matrix:
        """What a layer multiplies with its weights."""
        if layer < len(self.factored):
            return self.factored[layer]
        return self.first if layer == 0 else self.a[layer - 1]

    def drawn(self, layer: int) -> Matrix:
        """Where noise and dropout of a layer's inputs apply: to the first layer's before their factors."""
        return self.unscaled if layer == 0 else self.a[layer - 1]

    def errors_below(self, layer: int) -> Matrix:
        """Where the errors of what a layer multiplies with its weights go: the members', where there are several."""
        return self.member_back if layer == 0 and self.members > 1 else self.below(layer)

    def below(self, layer: int) -> Matrix:
        """Where the errors of a layer's inputs go."""
        return self.back if layer == 0 else self.d[layer - 1]


def forward(block: Block, w: MatrixAt, pairs: Address, a: Matrix, z: Matrix, each: Share) -> Instruction:
    """Some rows of z = b + a W, for columns of a block of weights; `w` begins at the first of them."""
    return Forward(
        a=a.rows_of(block),
        depth=Count(block.fan_in),
        w=w,
        pairs=pairs,
        width=Count(each.width),
        z=z.rows_of(block, block.place + each.first - block.first),
        rows=each.rows,
    )


def apply(kernel: KernelCall, matrices: tuple[Matrix, ...], each: Share) -> Instruction:
    """A kernel of elements over a share of some matrices."""
    first = matrices[0]
    one, two, three, four = ([matrix.column(each.first) for matrix in matrices] + [Address(0)] * 4)[:4]
    # Whole rows are taken with their padding, in one call for all.
    width = first.stride if each.first == 0 and each.width == first.columns else Count(each.width)
    many = Count(len(matrices))
    return Apply(kernel, one, two, three, four, many, first.row, width, first.item_bytes, each.rows)
