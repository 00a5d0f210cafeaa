"""Text files as editors and spreadsheets save them."""

import codecs
from pathlib import Path

from wsss_tf.errors import InputError

_QUOTED = 100  # characters of a file that a message repeats


def read_text(path: Path) -> str:
    """The whole of a text file: UTF-8, or UTF-16 with a byte order mark (Excel's "Unicode text"); the mark is dropped.

    Raises:
      InputError: missing, unreadable or another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}): restore the file") from error
    try:
        return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text ({error}): save it as UTF-8") from error


def quoted(text: str) -> str:
    """The beginning of what stands in a file, on one line, for messages."""
    return repr(text)[1:-1][:_QUOTED]
