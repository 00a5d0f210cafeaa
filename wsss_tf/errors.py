"""The exceptions that speak to the user."""


class InputError(Exception):
    """A mistake in the data, flags or machine that the user can mend.

    The message is one line: what was expected, what was found, in which
    file, and what to do. Scripts print it without a traceback and exit
    with code 2.
    """


class Stopped(Exception):
    """A training was asked to stop and has saved its state. Scripts say so and exit with code 0."""
