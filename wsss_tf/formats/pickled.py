"""What no pickle may do here, whoever reads it."""

import pickle
import pickletools
from typing import Any, BinaryIO

_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


class InertUnpickler(pickle.Unpickler):
    """Admits no class or function, and no stream whose few bytes ask for all memory; subclasses admit classes by name."""

    def __init__(self, file: BinaryIO, encoding: str):
        super().__init__(file, encoding=encoding)
        self._file = file

    def load(self) -> Any:
        """The object of the pickle that begins where the file stands.

        Raises:
          pickle.UnpicklingError: it asks for what is not admitted.
          Exception: a damaged stream can end in any of them.
        """
        start = self._file.tell()
        for opcode, argument, position in pickletools.genops(self._file):
            # The unpickler makes a memo as long as its largest index, and a sound stream counts from 0 or 1.
            if opcode.name in _PUTS and argument > position - start:
                raise pickle.UnpicklingError(f"memo index {argument} after {position - start} bytes")
        self._file.seek(start)
        return super().load()

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}, which is not admitted")
