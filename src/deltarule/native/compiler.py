"""A compiler of a small, typed part of Python into LLVM IR.

Compiled are functions of numbers (int, float, bool, NumPy's uint64, int32 and float32), of addresses, and of `Struct`s
in memory, whose fields are read and written by name. Statements are assignments, `if`, `while`, `for` over a `range` or
over a tuple, `break`, calls and `return`. An expression means what it means in Python, except that integers
have 64 bits. A called function is compiled for the types that it is called with. Names from outside the function are
constants. Anything else is refused, with its line.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from deltarule.native.ir import Text
from deltarule.native.operators import (
    INT,
    VOID,
    Kind,
    Value,
    arithmetic,
    comparison,
    converted,
    instruction,
    kind_of,
    llvm,
    negative,
)  # fmt: skip
from deltarule.native.structs import fields_of, is_struct

__all__ = ["CompileError", "EntryPoint", "module"]


_LONGEST_INLINED = 150  # instructions of a function that becomes part of its callers


class CompileError(TypeError):
    """A function that cannot be compiled."""


EntryPoint: TypeAlias = tuple[Callable[..., Any], *tuple[type, ...]]
"""A function and the types of its arguments."""


def module(functions: Mapping[str, EntryPoint]) -> str:
    """Return LLVM IR of functions, for arguments of some types, under some names."""
    made = _Module()
    for name, (function, *types) in functions.items():
        made.function(function, tuple(map(kind_of, types)), name)
    return "\n".join([*sorted(made.declared), *made.definitions])


class _Module:
    """The functions compiled so far."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self.declared: set[str] = set()
        self._known: dict[tuple[Callable[..., Any], tuple[Kind, ...]], tuple[str, Kind]] = {}

    def function(self, function: Callable[..., Any], kinds: tuple[Kind, ...], name: str = "") -> tuple[str, Kind]:
        """Compile a function for arguments of some kinds; its name, and the kind of its result."""
        if (function, kinds) not in self._known or name:
            body = _Function(self, function, kinds)
            result = body.compile()
            linkage, made = ("", name) if name else ("internal ", f"{function.__qualname__}.{len(self._known)}")
            words = ", ".join(f"{llvm(kind)} %argument{place}" for place, kind in enumerate(kinds))
            inlined = "" if name or len(body.text.lines) > _LONGEST_INLINED else " alwaysinline"
            head = f'define {linkage}{llvm(result)} @"{made}"({words}) nounwind{inlined} {{'
            self.definitions += [head, "entry:", *body.slots, *body.text.lines, "}"]
            self.declared |= body.text.declared
            self._known[function, kinds] = made, result
        return self._known[function, kinds]


class _Function:
    """Compiles one function. Variables lie on the stack; LLVM moves them into registers."""

    def __init__(self, module: _Module, function: Callable[..., Any], kinds: tuple[Kind, ...]) -> None:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        self._module, self._function, self._tree = module, function, tree
        self._names = {**vars(inspect.getmodule(function)), **inspect.getclosurevars(function).nonlocals}
        self._variables: dict[str, Value] = {}
        self._result: Kind = VOID
        self._after: list[str] = []
        self.text, self.slots = Text(), list[str]()
        for place, (argument, kind) in enumerate(zip(tree.args.args, kinds, strict=True)):
            self._assign(tree, argument.arg, Value(kind, f"%argument{place}").unpacked(self.text))

    def compile(self) -> Kind:
        """Write the function's instructions; the kind of its result."""
        if not self._block(self._tree.body):
            if self._result != VOID:
                self._refuse(self._tree, "a function that may end without its result")
            self.text.write("ret void")
        return self._result

    def _refuse(self, node: ast.AST, what: str) -> NoReturn:
        code = self._function.__code__
        line = code.co_firstlineno + getattr(node, "lineno", 1) - 1
        raise CompileError(f"{code.co_filename}:{line}: cannot compile {what}")

    # Statements

    def _block(self, statements: Sequence[ast.stmt]) -> bool:
        """Compile statements; whether control leaves at their end."""
        return any(self._statement(statement) for statement in statements)

    def _statement(self, node: ast.stmt) -> bool:
        match node:
            case ast.Expr(ast.Constant()) | ast.Pass():
                return False
            case ast.Expr(ast.Call() as called):
                self._value(called)
            case ast.Assign([target], value):
                self._assign_to(target, self._value(value))
            case ast.AnnAssign(target, _, ast.expr() as value):
                self._assign_to(target, self._value(value))
            case ast.AugAssign(target, operator, value):
                before = self._value(ast.parse(ast.unparse(target), mode="eval").body)
                self._assign_to(target, self._arithmetic(node, operator, before, self._value(value)))
            case ast.If(test, body, orelse):
                return self._if(test, body, orelse)
            case ast.While() | ast.For():
                self._repeat(node)
            case ast.Break():
                self.text.jump(self._after[-1])
                return True
            case ast.Return(value):
                self._return(node, value)
                return True
            case _:
                self._refuse(node, ast.unparse(node))
        return False

    def _repeat(self, node: ast.While | ast.For) -> None:
        match node:
            case ast.While(test, body, []):
                self._loop(lambda: self._truth(test), body, lambda: None)
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), bounds), body, []):
                self._for(node, name, [self._value(bound) for bound in bounds], body)
            case ast.For(target, ast.Tuple(elements), body, []):
                for element in elements:
                    self._assign_to(target, self._value(element))
                    self._block(body)
            case ast.For(target, ast.Name() as elements, body, []):
                for part in self._value(elements).parts:
                    self._assign_to(target, part)
                    self._block(body)
            case _:
                self._refuse(node, ast.unparse(node))

    def _assign_to(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(name):
                self._assign(target, name, value)
            case ast.Tuple(targets) if isinstance(value.kind, tuple) and len(targets) == len(value.kind):
                for each, part in zip(targets, value.parts, strict=True):
                    self._assign_to(each, part)
            case ast.Attribute(owner, name):
                place, kind, _ = self._field(target, self._value(owner), name)
                self.text.write(f"store {llvm(kind)} {converted(self.text, value, kind).text}, ptr {place}")
            case _:
                self._refuse(target, ast.unparse(target))

    def _assign(self, node: ast.AST, name: str, value: Value) -> None:
        if name not in self._variables:
            slot = f'%"{name}.variable"'
            self.slots.append(f"  {slot} = alloca {llvm(value.kind)}")
            self._variables[name] = Value(value.kind, slot)
        variable = self._variables[name]
        if variable.kind != value.kind:
            self._refuse(node, f"{name}, which is {variable.kind} before and {value.kind} after")
        self.text.write(f"store {llvm(value.kind)} {value.packed(self.text)}, ptr {variable.text}")

    def _labels(self, *names: str) -> list[str]:
        return [self.text.fresh(name)[1:] for name in names]

    def _if(self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> bool:
        yes, no, after = self._labels("yes", "no", "after")
        self.text.branch(self._truth(test), yes, no)
        leaves = []
        for label, statements in ((yes, body), (no, orelse)):
            self.text.label(label)
            leaves.append(self._block(statements))
            if not leaves[-1]:
                self.text.jump(after)
        if not all(leaves):
            self.text.label(after)
        return all(leaves)

    def _loop(self, goes_on: Callable[[], str], body: Sequence[ast.stmt], advance: Callable[[], None]) -> None:
        head, inside, after = self._labels("head", "inside", "after")
        self.text.jump(head)
        self.text.label(head)
        self.text.branch(goes_on(), inside, after)
        self.text.label(inside)
        self._after.append(after)
        if not self._block(body):
            advance()
            self.text.jump(head)
        self._after.pop()
        self.text.label(after)

    def _for(self, node: ast.AST, name: str, bounds: list[Value], body: Sequence[ast.stmt]) -> None:
        texts = [bound.text for bound in bounds]
        start, stop, step = ("0", texts[0], "1") if len(texts) == 1 else (*texts, "1")[:3]
        counter = self.text.fresh("counter")
        self.slots.append(f"  {counter} = alloca i64")
        self.text.write(f"store i64 {start}, ptr {counter}")

        def goes_on() -> str:
            index = self.text.result(f"load i64, ptr {counter}")
            self._assign(node, name, Value(INT, index))
            return self.text.result(f"icmp {'sgt' if step.startswith('-') else 'slt'} i64 {index}, {stop}")

        def advance() -> None:
            index = self.text.result(f"load i64, ptr {counter}")
            self.text.write(f"store i64 {self.text.result(f'add nsw i64 {index}, {step}')}, ptr {counter}")

        self._loop(goes_on, body, advance)

    def _return(self, node: ast.AST, value: ast.expr | None) -> None:
        if value is None:
            self.text.write("ret void")
            return
        made = self._value(value)
        if self._result not in (VOID, made.kind):
            self._refuse(node, f"results that are {self._result} and {made.kind}")
        self._result = made.kind
        self.text.write(f"ret {llvm(made.kind)} {made.packed(self.text)}")

    # Expressions

    def _truth(self, node: ast.expr) -> str:
        return converted(self.text, self._value(node), "i1").text

    def _value(self, node: ast.expr) -> Value:  # noqa: C901 - a case for each kind of expression
        known = self._constant(node)
        if known is not None:
            return Value.constant(known)
        match node:
            case ast.Name(name) if name in self._variables:
                variable = self._variables[name]
                loaded = self.text.result(f"load {llvm(variable.kind)}, ptr {variable.text}")
                return Value(variable.kind, loaded).unpacked(self.text)
            case ast.Tuple(elements):
                return Value.tuple([self._value(element) for element in elements])
            case ast.Attribute(owner, name):
                return self._attribute(node, self._value(owner), name)
            case ast.BinOp(left, operator, right):
                return self._arithmetic(node, operator, self._value(left), self._value(right))
            case ast.UnaryOp(ast.USub(), operand):
                return negative(self.text, self._value(operand))
            case ast.UnaryOp(ast.Not(), operand):
                return Value("i1", self.text.result(f"xor i1 {self._truth(operand)}, true"))
            case ast.Compare(left, [operator], [right]):
                return comparison(self.text, operator, self._value(left), self._value(right))
            case ast.BoolOp(operator, operands):
                return self._short_circuit(operator, operands)
            case ast.IfExp(test, body, orelse):
                return self._either(test, lambda: self._value(body), lambda: self._value(orelse))
            case ast.Call(function, arguments, []):
                return self._call(node, function, arguments)
        return self._refuse(node, ast.unparse(node))

    def _constant(self, node: ast.expr) -> Any:
        """What is known when the function is compiled, or None."""
        match node:
            case ast.Constant(value):
                return value
            case ast.Name(name):
                return None if name in self._variables else self._names.get(name, vars(_BUILTINS).get(name))
            case ast.Attribute(owner, name):
                base = self._constant(owner)
                return None if base is None else getattr(base, name)
            case ast.Subscript(owner, index):
                base, place = self._constant(owner), self._constant(index)
                return None if base is None or place is None else base[place]
            case ast.Call(function, arguments):
                called = self._constant(function)
                known = [self._constant(argument) for argument in arguments]
                return called(*known) if getattr(called, "__name__", "") == "size_of" else None
        return None

    def _arithmetic(self, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value:
        made = arithmetic(self.text, operator, left, right)
        return made if made is not None else self._refuse(node, ast.unparse(node))

    def _short_circuit(self, operator: ast.boolop, operands: Sequence[ast.expr]) -> Value:
        first, *rest = operands
        if not rest:
            return Value("i1", self._truth(first))
        settled = Value("i1", "false" if isinstance(operator, ast.And) else "true")

        def others() -> Value:
            return self._short_circuit(operator, rest)

        if isinstance(operator, ast.And):
            return self._either(first, others, lambda: settled)
        return self._either(first, lambda: settled, others)

    def _either(self, test: ast.expr, chosen: Callable[[], Value], otherwise: Callable[[], Value]) -> Value:
        yes, no, after = self._labels("yes", "no", "after")
        self.text.branch(self._truth(test), yes, no)
        kind: Kind = VOID
        sources = []
        for label, made in ((yes, chosen), (no, otherwise)):
            self.text.label(label)
            value = made()
            if kind == VOID:
                kind = value.kind
            elif kind != value.kind:
                value = converted(self.text, value, kind)
            sources.append(f"[ {value.packed(self.text)}, %{self.text.block} ]")
            self.text.jump(after)
        self.text.label(after)
        return Value(kind, self.text.result(f"phi {llvm(kind)} {', '.join(sources)}")).unpacked(self.text)

    def _field(self, node: ast.AST, owner: Value, name: str) -> tuple[str, Kind, Any]:
        """Where a struct's field is: a pointer, the kind of the word there, and the field."""
        if not is_struct(owner.kind) or name not in fields_of(owner.kind):
            self._refuse(node, f"{ast.unparse(node)}: {owner.kind} has no such field")
        field = fields_of(owner.kind)[name]
        place = self.text.integer("add", owner.text, str(8 * field.offset))
        return self.text.pointer(place), "double" if field.type is float else INT, field

    def _attribute(self, node: ast.AST, owner: Value, name: str) -> Value:
        property_ = getattr(owner.kind, name, None) if is_struct(owner.kind) else None
        if isinstance(property_, property) and property_.fget is not None:
            return self._called(property_.fget, [owner])
        place, kind, field = self._field(node, owner, name)
        if field.nested:
            return Value(field.type, self.text.integer("add", owner.text, str(8 * field.offset)))
        word = self.text.result(f"load {llvm(kind)}, ptr {place}")
        if field.type is bool:
            return Value("i1", self.text.result(f"icmp ne i64 {word}, 0"))
        return Value(field.type if field.pointer else kind, word)

    def _call(self, node: ast.AST, function: ast.expr, arguments: Sequence[ast.expr]) -> Value:
        called = self._constant(function)
        if called is None and isinstance(function, ast.Attribute):
            owner = self._value(function.value)
            return self._called(getattr(owner.kind, function.attr), [owner, *map(self._value, arguments)])
        values = [self._value(argument) for argument in arguments]
        made = instruction(self.text, called, values)
        if made is not None:
            return made
        if not inspect.isfunction(called):
            self._refuse(node, f"a call of {ast.unparse(function)}")
        return self._called(called, values)

    def _called(self, function: Callable[..., Any], values: Sequence[Value]) -> Value:
        name, kind = self._module.function(function, tuple(value.kind for value in values))
        words = ", ".join(f"{llvm(value.kind)} {value.packed(self.text)}" for value in values)
        call = f'call {llvm(kind)} @"{name}"({words})'
        if kind == VOID:
            self.text.write(call)
            return Value(VOID, "")
        return Value(kind, self.text.result(call)).unpacked(self.text)


class _BUILTINS:
    """Python's own functions that have a meaning here."""

    int, float, bool, min, max, abs = int, float, bool, min, max, abs
