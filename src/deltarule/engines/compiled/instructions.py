"""The words that the machine reads: operations with their arguments, and the tables that threads share.

Every line of a program is one operation and its arguments, a word each; most words are addresses. A `part` of `parts`
says which rows of the batch a line is about, so that one program serves batches of any size.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["ARGUMENTS", "LINE_BYTES", "Operation", "Own", "Setting", "Shared", "Total", "Weights"]

WORDS: Final = 20
LINE_BYTES: Final = 8 * WORDS


class Operation(IntEnum):
    """What a line does."""

    PREPARE = 1
    GATHER = 2
    TARGET = 3
    FORWARD = 4
    APPLY = 5
    DRAW = 6
    REPEAT = 7
    LOSS = 8
    COUNT = 9
    BACKWARD = 10
    UPDATE = 11
    MEET = 12
    ADD = 13
    RECORD = 14
    PREFETCH = 15
    CALL = 16


ARGUMENTS: Final[dict[Operation, tuple[str, ...]]] = {
    # A kernel's constants for this step; where `shared`, with 1 / Σ weights of the batch as the fourth scalar.
    Operation.PREPARE: ("prologue", "scalars", "constants", "shared"),
    # Rows of the raw data into scaled rows of the batch: in the run's order (1), as they lie (0), or as an array says.
    Operation.GATHER: (
        "gather", "order", "source", "source_row", "target", "target_row", "columns", "shift", "factor", "part",
        "parts",
    ),
    # The raw rows of the batch after this one.
    Operation.PREFETCH: ("order", "source", "source_row", "bytes", "part", "parts"),
    # Targets into rows of y, from class codes or from `numbers`; weights beside them.
    Operation.TARGET: (
        "order", "codes", "numbers", "weights", "y", "y_row", "outputs", "batch_weights", "part", "parts",
    ),
    # z = b + a W for some columns: the biases are the row after W's last.
    Operation.FORWARD: ("a", "a_row", "depth", "w", "w_row", "width", "z", "z_row", "part", "parts"),
    # A kernel of elements over some columns of up to four matrices of the same shape.
    Operation.APPLY: (
        "body", "constants", "one", "two", "three", "four", "many", "row", "width", "part", "parts", "item_bytes",
    ),
    # Dropout, drawn and multiplied in; and multiplied in again on the way back.
    Operation.DRAW: (
        "function", "numbers", "row", "stride", "layer", "threshold", "scale", "mask", "mask_row", "part", "parts",
    ),
    Operation.REPEAT: ("function", "numbers", "row", "stride", "scale", "mask", "mask_row", "part", "parts"),
    # The loss's kernel over rows of z; its first scalar is 1 / Σ weights. A single output's column is brought together
    # in `scratch` first, where vectors are full.
    Operation.LOSS: (
        "prologue", "scalars", "constants", "body", "z", "y", "batch_weights", "dz", "losses", "errors", "width",
        "stride", "order", "weights", "part", "parts", "scratch",
    ),
    # Whether the largest output is another class's.
    Operation.COUNT: ("z", "z_row", "outputs", "order", "codes", "errors", "part", "parts"),
    # da += dz Wᵀ for some columns of da, over a block of W's columns; the first block begins at zero.
    Operation.BACKWARD: (
        "d", "d_row", "depth", "w", "w_row", "target", "target_row", "columns", "first", "part", "parts",
    ),
    # The gradient of some rows of a block, aᵀ dz, and the optimizer's step, slice by slice.
    Operation.UPDATE: (
        "d", "d_row", "a", "a_item", "a_row", "w", "w_row", "rows", "width", "body", "constants", "slots", "apart",
        "scratch", "slice",
    ),
    Operation.MEET: (),
    # A batch's losses and errors into the sums; and its mean loss into the record.
    Operation.ADD: ("losses", "errors", "batch_weights"),
    Operation.RECORD: ("losses", "batch_weights"),
    # A function by its address, which reads the rest of the line: what few networks need, compiled for them alone.
    Operation.CALL: ("function",),
}  # fmt: skip


class Setting(IntEnum):
    """Words that stay as they are during a run, for all threads."""

    THREADS = 0
    BARRIER = 1
    SHARED = 2  # address of the words that change: `Shared`
    TOTALS = 3  # address of numbers that change: `Total`
    OWN = 4  # address of each thread's words: `Own`
    TABLE = 5  # of tiles
    ITEM_BYTES = 6
    ORDER = 7
    ROWS = 36  # address of the samples to be shuffled, or 0 for all as they lie
    SAMPLES = 8
    BATCH_SIZE = 9
    SHUFFLED = 10  # whether the order is drawn here, or given batch by batch
    STARTS = 11  # where each batch begins in the order
    EPOCH_STARTS = 12  # with which batch each epoch begins, where the order is given
    SEED_LOW = 13
    SEED_HIGH = 14
    EVALUATED = 15  # whether training figures are taken over the whole part
    VALIDATED = 16  # whether there is a validation part
    VALIDATION_SAMPLES = 17
    BLOCK = 18  # rows evaluated at once
    PARTIAL = 19  # address of three numbers for each block evaluated
    FIGURES = 20  # address of the epochs' numbers: `problem.Figure`
    PARAMETERS = 21  # address of those that predict: the parameters, or their mean
    BEST = 22  # address of the best parameters
    ITEMS = 23
    WATCHED = 24  # whether early stopping watches
    PATIENCE = 25
    BY_SCORE = 26
    MIN_IMPROVEMENT = 27  # address of the number
    WEIGHTS = 30  # address of the blocks, layer by layer: `Weights`
    LAYERS = 31
    RECORD = 32  # address of the batches' losses
    LAST_EPOCH = 33
    ASCENDING = 34  # 0, 1, 2, …: an order for rows as they lie
    FOLLOWED = 35  # rows to take through the thread's program once, in place of training
    STEPPERS = 37  # threads that take steps; the others help to evaluate
    LISTED = 38  # samples in the order
    EXECUTE = 39  # address of the function that follows a program
    RATES = 40  # address of the schedule's factors, one for each step of the budget
    SAMPLE_WEIGHTS = 41  # address of the training part's weights, or 0
    COUNT = 42


class Shared(IntEnum):
    """Words that change as training goes on."""

    EPOCH = 0
    BATCH = 1
    STEP = 2
    FINISHED = 3
    BEST_EPOCH = 4
    BUDGET = 5  # steps to take before the interpreter is asked
    UNTIL = 6  # the epoch to stop before
    DONE = 7  # epochs whose figures were written since the interpreter last looked
    RECORDED = 8  # batch losses likewise
    COUNT = 16


class Total(IntEnum):
    """Numbers (float64) that change as training goes on."""

    WEIGHT = 0
    LOSS = 1
    ERROR = 2
    BEST = 3
    COUNT = 8


class Weights(IntEnum):
    """Where a block of weights is; the first block of a layer says how many there are."""

    BLOCKS = 0
    ROWS = 1
    ADDRESS = 2
    ROW = 3  # bytes from one row to the next
    GROUPS = 4  # of 16 columns
    PENALTY = 5  # body of the kernel of the layer's penalty, or 0
    PENALTY_CONSTANTS = 6
    COUNT = 7


class Own(IntEnum):
    """A thread's own words."""

    PROGRAM = 0
    LINES = 1
    TRAIN_PROGRAM = 2  # evaluating a block of the training part
    TRAIN_LINES = 3
    VALIDATION_PROGRAM = 4
    VALIDATION_LINES = 5
    WORKSPACE = 6
    OPERANDS = 7  # room for a kernel's addresses
    COUNT = 16
