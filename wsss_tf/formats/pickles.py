"""Pickles, read without trust: containers, texts, numbers, and what a reader names beside them.

A pickle is a program of a small stack machine. Python's own machine imports and
calls what the program names, makes its memo as long as the largest index in the
file says, and ends the process over a key that is nested deeply enough. This one
takes its instructions from pickletools and knows those alone that data need.
"""

import io
import pickletools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

MOST_STEPS = 5_000_000  # instructions; the labels of COCO 2014 take 3.7 million at most, a checkpoint some ten thousand
_LARGEST_KEY = 2**63


class Refused(ValueError):
    """A pickle asks for something that data do not need."""


def load(stream: io.BytesIO, names: Mapping[tuple[str, str], Any], persistent: Callable[[Any], Any] | None = None) -> Any:
    """The object that the next pickle of a stream describes; the stream is left behind its end.

    Args:
      stream: what to read.
      names: (module, name) -> what stands for it: a value, or a function, which is
        called where the pickle calls. An object with `set_state` is given its state.
      persistent: answers persistent ids.

    Raises:
      Refused: another name, an instruction that data do not need, a key that is
        no text or whole number, or work beyond all measure.
      Exception: whatever a damaged stream leads to, or the functions raise.
    """
    machine, steps = _Machine(len(stream.getbuffer()), names, persistent), 0
    for opcode, argument, _ in pickletools.genops(stream):
        step = _STEPS.get(opcode.name)
        if step:
            step(machine, argument)
        elif opcode.name == "STOP":
            return machine.stack.pop()
        else:
            raise Refused(f"the instruction {opcode.name}, which data do not need")
        steps += 1
        if steps > MOST_STEPS:
            raise Refused(f"more than {MOST_STEPS} instructions")
    raise Refused("it has no end")


def dictionary(pairs: Iterable[tuple[Any, Any]] = ()) -> dict:
    """Stands for dict and its kind.

    Raises:
      Refused: a key that is no text or whole number.
    """
    return {_key(key): value for key, value in pairs}


def _key(key: Any) -> str | bytes | int:
    """A key whose hash costs nothing; that of nested tuples costs any time, and the stack of the process."""
    kind = type(key)
    if kind is str or kind is bytes or (kind is int and -_LARGEST_KEY <= key < _LARGEST_KEY):
        return key
    raise Refused(f"expected texts or numbers as keys, found {kind.__name__}")


class _Machine:
    def __init__(self, size: int, names: Mapping[tuple[str, str], Any], persistent: Callable[[Any], Any] | None):
        self.stack, self.marked, self.memo = [], [], {}
        self.names, self.persistent, self.left = names, persistent, size

    def mark(self, _: None) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def join(self, items: Any) -> None:
        self.stack.append(tuple(items))

    def last(self, count: int) -> list:
        return [self.stack.pop() for _ in range(count)][::-1]

    def extend(self, items: list) -> None:
        if not isinstance(self.stack[-1], list):
            raise Refused("items for what is no list")
        self.stack[-1].extend(items)

    def update(self, items: list) -> None:
        if not isinstance(self.stack[-1], dict):
            raise Refused("items for what is no dictionary")
        self.stack[-1].update(_paired(items))

    def remember(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self.memo[place])

    def name(self, module: Any, name: Any) -> None:
        if not type(module) is type(name) is str:  # of anything else not even the words are safe to make
            raise Refused("a name that is no text")
        if (module, name) not in self.names:
            raise Refused(f"it asks for {f'{module}.{name}'[:100]!r}, which data do not need")
        self.stack.append(self.names[module, name])

    def call(self, _: None) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise Refused("a call of what is no function")
        # By its memo a pickle can hand over one long text a thousand times; an honest one hands over each text once.
        for each in arguments:
            if type(each) in _SIZED:
                self.left -= len(each)
        if self.left < 0:
            raise Refused("calls that are given more than the file holds")
        self.stack.append(function(*arguments))

    def build(self, _: None) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if hasattr(target, "set_state"):
            target.set_state(state)
        elif not isinstance(target, dict):  # attributes of a dictionary are of no interest
            raise Refused(f"a state for {type(target).__name__}")

    def ask(self, _: None) -> None:
        if self.persistent is None:
            raise Refused("a persistent id")
        self.stack.append(self.persistent(self.stack.pop()))


def _paired(items: list) -> dict:
    return dictionary(zip(items[::2], items[1::2], strict=True))


_SIZED = (str, bytes, bytearray, list, tuple, dict)
_VALUES = ("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
           "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
           "BINBYTES8", "BYTEARRAY8")
_STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda m, _: None, "FRAME": lambda m, _: None, **dict.fromkeys(_VALUES, _Machine.push),
    "NONE": _Machine.push, "NEWTRUE": lambda m, _: m.push(True), "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_LIST": lambda m, _: m.push([]), "EMPTY_TUPLE": lambda m, _: m.push(()), "EMPTY_DICT": lambda m, _: m.push({}),
    "MARK": _Machine.mark, "POP": lambda m, _: m.last(1), "POP_MARK": lambda m, _: m.since_mark(),
    "DUP": lambda m, _: m.push(m.stack[-1]), "LIST": lambda m, _: m.push(m.since_mark()),
    "TUPLE": lambda m, _: m.join(m.since_mark()), "TUPLE1": lambda m, _: m.join(m.last(1)),
    "TUPLE2": lambda m, _: m.join(m.last(2)), "TUPLE3": lambda m, _: m.join(m.last(3)),
    "DICT": lambda m, _: m.push(_paired(m.since_mark())), "SETITEM": lambda m, _: m.update(m.last(2)),
    "SETITEMS": lambda m, _: m.update(m.since_mark()),
    "APPEND": lambda m, _: m.extend(m.last(1)), "APPENDS": lambda m, _: m.extend(m.since_mark()),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "GLOBAL": lambda m, names: m.name(*names.split(" ", 1)), "STACK_GLOBAL": lambda m, _: m.name(*m.last(2)),
    "REDUCE": _Machine.call, "BUILD": _Machine.build, "BINPERSID": _Machine.ask,
}
