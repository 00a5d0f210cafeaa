"""What makes a data set hard to learn from, though no file of it is damaged."""

import itertools
from collections import Counter

from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.files.images import image_size

FEW_PHOTOS = 5  # below which a class is not learned but remembered
LONG_SIDE = 1200  # pixels; nets, superpixels and crops are made for photos of about 500
_LOOKED_AT = 16  # photos whose size is read


def advice(dataset: Dataset) -> list[str]:
    """One line per thing that the user may want to change; all of them may be meant.

    Args:
      dataset: the data set; the sizes of some of its photos are read.
    """
    return [*_classes(dataset), *_without_tags(dataset), *_large_photos(dataset)]


def _classes(dataset: Dataset) -> list[str]:
    photos = len(dataset.train)
    single = Counter(tag for example in dataset.train for tag in example.tags)
    pairs = Counter(pair for example in dataset.train for pair in itertools.permutations(example.tags, 2))
    lines = []
    for label, name in enumerate(dataset.class_names[1:], 1):
        count = single[label]
        company = [dataset.class_names[other] for (tag, other), times in sorted(pairs.items())
                   if tag == label and times == count]
        if not count:
            lines.append(f"class '{name}': expected training images, found none: add some or take it out of classes.txt")
            continue
        if count == photos:
            lines.append(f"class '{name}': it is in all {photos} training images, so that nothing shows what is not it: add "
                         "photos of something else, with a class of their own")
        elif count < FEW_PHOTOS:
            lines.append(f"class '{name}': only {count} training image{'s' * (count > 1)}: add some, or expect poor "
                         "masks of it")
        if company:
            lines.append(f"class '{name}': never without {' and '.join(map(repr, company))}, so that tags cannot tell "
                         "them apart: add photos of it alone, or make them one class")
    return lines


def _without_tags(dataset: Dataset) -> list[str]:
    trained = {example.image_id for example in dataset.train}
    others = [example for example in dataset.val if example.image_id not in trained]
    if not dataset.masks_wanted or not others:
        return []
    return [f"{len(others)} of {len(dataset.val)} photos are not trained on, e.g. '{others[0].image_id}': they get masks "
            "all the same; name their classes in the labels file (and the train list, if there is one) to learn from them"]


def _large_photos(dataset: Dataset) -> list[str]:
    for example in dataset.train[:_LOOKED_AT]:
        try:
            height, width = image_size(example.image)
        except InputError:  # check_dataset names it
            continue
        if max(height, width) > LONG_SIDE:
            return [f"{example.image}: {width}x{height} pixels, and perhaps others: all settings are made for long sides "
                    "of about 500; make the photos (and masks and maps) smaller first, or memory may run out"]
    return []
