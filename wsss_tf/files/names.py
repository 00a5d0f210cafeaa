"""Names that become folders."""

import re

from wsss_tf.errors import InputError

_COMPONENT = re.compile(r"[\w][\w.\-+=,@ ]*", re.UNICODE)
_LONGEST = 150  # bytes; a folder that is set aside, and temporary files, need more


def component(text: str, flag: str) -> str:
    """The text, if it is one path component of ordinary characters.

    Raises:
      InputError: it is empty, begins with something else than a letter, a digit or _, has a separator, or is too long.
    """
    if not _COMPONENT.fullmatch(text) or text.endswith((" ", ".")) or len(text.encode()) > _LONGEST:
        raise InputError(f"{flag}={text}: expected one name of letters, digits and . _ - + = that begins with a letter or digit, "
                         f"of at most {_LONGEST} bytes: it becomes a folder, choose another")
    return text
