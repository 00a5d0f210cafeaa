"""HDF5 files of Keras: the arrays by name, and only what lies in the file itself.

A file may point to other files, and to itself in another shape (external and
virtual data sets, soft and external links): whatever does is refused before
anything is read.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py

_MOST_RATIO = 100  # bytes in memory for each byte on disk, beyond which a shape is not credible


@contextlib.contextmanager
def arrays(path: Path) -> Iterator[tuple[h5py.File, dict[str, h5py.Dataset]]]:
    """The open file, and its data sets by their full names, all checked and none read.

    Raises:
      ValueError: links, external or virtual data, no numbers, or sizes that are not credible.
      Exception: whatever h5py raises for a damaged file.
    """
    with h5py.File(path, "r") as file:
        found = dict(_walk(file, "", set()))
        if sum(dataset.nbytes for dataset in found.values()) > _MOST_RATIO * path.stat().st_size:
            raise ValueError("data sets far larger than the file")
        yield file, found


def _walk(group: h5py.Group, path: str, seen: set) -> Iterator[tuple[str, h5py.Dataset]]:
    if group.id in seen:
        raise ValueError(f"{path}: a group within itself")
    seen.add(group.id)
    for name in group:
        full = f"{path}/{name}" if path else name
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{full}: a link to another place")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _walk(item, full, seen)
        elif isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise ValueError(f"{full}: data that lie in another file")
            if item.dtype.kind not in "fiub":
                raise ValueError(f"{full}: {item.dtype} instead of numbers")
            yield full, item
