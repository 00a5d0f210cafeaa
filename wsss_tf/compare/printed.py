"""The printed numbers of a row, as the system that reproduces it tells how they were measured."""

import functools

from wsss_tf.originals.rows import Original, Protocols, originals
from wsss_tf.originals.tables import find_row
from wsss_tf.systems.catalogue import SYSTEMS


@functools.cache
def protocols() -> Protocols:
    """Those of all systems, by table."""
    return {table: protocol for system in SYSTEMS.values() for table, protocol in system.protocols.items()}


def printed(row: str) -> tuple[Original, ...]:
    """The numbers of a row such as "thesis_2.3/A4"; none if no system here reproduces it.

    Raises:
      InputError: no such row.
    """
    return originals(find_row(row), protocols())
