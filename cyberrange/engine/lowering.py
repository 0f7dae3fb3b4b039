"""Tables of rows as Numba sees them: addresses, without reference counts, so that the rules compile fast and run fast.

The plan and the state reach the compiled rules as one address each. It leads to a list of slots, two words for each
table: where it begins and how many rows it has. `p.nodes` is the address of a pair of slots, `p.nodes[i]` that of a
row, `p.nodes[i].kind` a load of one word. A rule's call therefore passes two words where NumPy arrays would be some
400, and no rule counts references. Whoever calls the rules keeps the memory alive (`cyberrange.engine.layout`).
"""

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import intrinsic, lower_builtin

WORD = 8
SCALARS = {"i": types.int64, "f": types.float64}


class Row(types.Type):
    """A row of a table: `columns` are (name, kind), each a word wide."""

    def __init__(self, name: str, columns: tuple[tuple[str, str], ...]) -> None:
        self.columns = {column: (place, SCALARS[kind]) for place, (column, kind) in enumerate(columns)}
        super().__init__(name=f"Row[{name}]")


class Table(types.Type):
    """A table of rows, or a vector of numbers: a pair of slots."""

    def __init__(self, name: str, element: types.Type) -> None:
        self.element = element
        self.width = WORD * len(element.columns) if isinstance(element, Row) else WORD
        super().__init__(name=f"Table[{name}, {element}]")


class Bundle(types.Type):
    """Tables, vectors, single rows and further bundles by name: `fields` are (name, first slot, type)."""

    def __init__(self, name: str, fields: tuple[tuple[str, int, types.Type], ...]) -> None:
        self.fields = {field: (slot, kind) for field, slot, kind in fields}
        super().__init__(name=f"Bundle[{name}]")


class _Address(models.PrimitiveModel):
    """How a row, a table and a bundle are held: as the address of their first word."""

    def __init__(self, manager: Any, kind: types.Type) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


for _kind in (Row, Table, Bundle):
    register_default(_kind)(_Address)


def _invariant(builder: Any, place: Any) -> Any:
    """Load a word that never changes while the rules run."""
    loaded = builder.load(place)
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


def _at(builder: Any, base: Any, words: int) -> Any:
    return builder.gep(base, [ir.Constant(ir.IntType(64), words)], inbounds=True)


def _element(builder: Any, table: Table, pair: Any, index: Any) -> Any:
    """Address of the first word of an element."""
    base = builder.inttoptr(_invariant(builder, pair), ir.IntType(64).as_pointer())
    words = ir.Constant(ir.IntType(64), table.width // WORD)
    return builder.gep(base, [builder.mul(index, words, flags=["nsw"])], inbounds=True)


def _place_of(builder: Any, address: Any, kind: types.Type) -> Any:
    """Turn the address of a word into one of a number of this kind."""
    return builder.bitcast(address, ir.DoubleType().as_pointer()) if kind == types.float64 else address


@infer_getattr
class _BundleFields(AttributeTemplate):
    key = Bundle

    def generic_resolve(self, bundle: Bundle, name: str) -> types.Type | None:  # type: ignore[override]
        found = bundle.fields.get(name)
        return found[1] if found else None


@lower_getattr_generic(Bundle)
def _field(context: Any, builder: Any, bundle: Bundle, address: Any, name: str) -> Any:
    slot, kind = bundle.fields[name]
    place = _at(builder, address, slot)
    if isinstance(kind, Row):
        return builder.inttoptr(_invariant(builder, place), ir.IntType(64).as_pointer())
    return place


@infer_getattr
class _RowColumns(AttributeTemplate):
    key = Row

    def generic_resolve(self, row: Row, name: str) -> types.Type | None:  # type: ignore[override]
        found = row.columns.get(name)
        return found[1] if found else None


@lower_getattr_generic(Row)
def _column(context: Any, builder: Any, row: Row, address: Any, name: str) -> Any:
    place, kind = row.columns[name]
    return builder.load(_place_of(builder, _at(builder, address, place), kind))


@lower_setattr_generic(Row)
def _set_column(context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    row, given = sig.args
    address, value = args
    place, kind = row.columns[name]
    value = context.cast(builder, value, given, kind)
    builder.store(value, _place_of(builder, _at(builder, address, place), kind))


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 2 and isinstance(args[0], Table) and isinstance(args[1], types.Integer):
            return signature(args[0].element, args[0], types.int64)
        return None


@lower_builtin(operator.getitem, Table, types.int64)
def _get_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table = sig.args[0]
    address = _element(builder, table, *args)
    if isinstance(table.element, Row):
        return address
    return builder.load(_place_of(builder, address, table.element))


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 3 and isinstance(args[0], Table) and isinstance(args[1], types.Integer):
            return signature(types.none, args[0], types.int64, args[0].element)
        return None


@lower_builtin(operator.setitem, Table, types.int64, types.Number)
def _set_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table = sig.args[0]
    pair, index, value = args
    builder.store(value, _place_of(builder, _element(builder, table, pair, index), table.element))
    return context.get_dummy_value()


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(types.int64, args[0]) if len(args) == 1 and isinstance(args[0], Table) else None


@lower_builtin(len, Table)
def _length(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _invariant(builder, _at(builder, args[0], 1))


def opener(bundle: Bundle) -> Any:
    """Return a compiled function that takes the slots of a bundle, an array of int64, and gives the bundle."""

    @intrinsic
    def opened(typing_context: Any, slots: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return cgutils.create_struct_proxy(sig.args[0])(context, builder, args[0]).data

        return bundle(slots), codegen

    return opened
