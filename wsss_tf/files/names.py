"""Names that become files and folders."""

import unicodedata

from wsss_tf.errors import InputError

_LONGEST = 200  # bytes; file systems take 255, and suffixes follow


def component(text: str, flag: str) -> str:
    """The text itself, which names one file or folder and leads nowhere else.

    Letters (with their marks) and digits of any script, dots, underscores and hyphens, not beginning
    with a dot or hyphen: that holds on every file system, in every shell.

    Args:
      text: the name.
      flag: where it comes from, for the message, such as --experiment.

    Raises:
      InputError: it is empty, too long, or has other characters.
    """
    plain = all(character in "._-" or unicodedata.category(character)[0] in "LMN" for character in text)
    if not plain or not text or text[0] in ".-" or ".." in text or len(text.encode("utf-8", "replace")) > _LONGEST:
        raise InputError(f"{flag}={text[:_LONGEST]!r}: expected a name of letters, digits, '.', '_' and '-' that begins with a "
                         f"letter, digit or '_', of at most {_LONGEST} bytes: choose another name")
    return text
