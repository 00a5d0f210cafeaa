"""The exceptions that speak to the user."""

_LONGEST = 4000  # characters of a line; a file may hold longer words, and messages repeat what they found


class InputError(Exception):
    """A mistake in the data, flags or machine that the user can mend.

    The message is one line: what was expected, what was found, in which
    file, and what to do; where several images have failed, a line for each
    follows. Scripts print it without a traceback and exit with code 2.
    """

    def __init__(self, message: str):
        """Leaves out the middle of lines of more than 4000 characters: the file stands at their beginning, the remedy at their end."""
        super().__init__("\n".join(map(_shortened, message.split("\n"))))


class WriteError(InputError):
    """An artefact cannot be written: no fault of its image, and the next ones will not fare better."""


class Stopped(Exception):
    """A training was asked to stop and has saved its state. Scripts say so and exit with code 0."""


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST // 2]} ... {line[-_LONGEST // 4:]}"


def reason(error: BaseException) -> str:
    """What an exception of a library says, as one line of at most 200 characters, to be part of a message."""
    return " ".join((str(error) or type(error).__name__).split())[:200]
