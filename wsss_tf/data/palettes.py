"""The palettes of masks: whether a number has the same colour in all of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.files.store import voc_palette

Colours = dict[int, tuple[int, int, int]]  # label -> its RGB


def used_colours(labels: Sequence[int], palette: np.ndarray | None) -> Colours:
    """The colours of the labels in a palette, uint8 [N, 3]; none where it says nothing: grey by number, or all alike."""
    if palette is None:
        return {}
    colours = {label: tuple(map(int, palette[label])) for label in labels if label < len(palette)}
    grey = all(colour == (label,) * 3 for label, colour in colours.items())
    return {} if grey or len(set(colours.values())) < len(colours) else colours


def differing_palettes(masks: Sequence[tuple[Path, Colours]]) -> list[str]:
    """A line for each folder in which a number has several colours: it cannot mean the same class there."""
    folders = defaultdict(list)
    for path, colours in masks:
        folders[path.parent].append((path, colours))
    return [line for folder, found in folders.items() for line in _differing(folder, found)]


def grey_values(num_classes: int) -> set[int]:
    """The grey that the colours of VOC's palette become, as decoders turn them, of labels 1..C and 255."""
    colours = voc_palette()[[*range(1, num_classes + 1), 255]].astype(np.float64)
    return set(np.round(colours @ [0.299, 0.587, 0.114]).astype(int).tolist())


def _differing(folder: Path, masks: list[tuple[Path, Colours]]) -> list[str]:
    often = defaultdict(Counter)
    for _, colours in masks:
        for label, colour in colours.items():
            often[label][colour] += 1
    usual = {label: counts.most_common(1)[0][0] for label, counts in often.items()}
    differing = [(path, label) for path, colours in masks for label, colour in colours.items() if colour != usual[label]]
    if not differing:
        return []
    path, label = differing[0]
    other = next(place for place, colours in masks if colours.get(label) == usual[label])
    count = len({place for place, _ in differing})
    return [f"{folder}: expected one palette, found others in {count} of {len(masks)} masks: label {label} is "
            f"{dict(masks)[path][label]} in {path.name} and {usual[label]} in {other.name}: if the colours mean the classes, "
            "write their numbers anew by `wsss data convert --labelmap=FILE`; if the numbers are right, save them as "
            "grey PNGs"]
