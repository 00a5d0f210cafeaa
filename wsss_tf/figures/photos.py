"""Figure 1.2: photos and their ground truth."""

from wsss_tf.errors import InputError
from wsss_tf.example import Example, objects
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel
from wsss_tf.figures.sources import Sources
from wsss_tf.files.images import read_labels, read_photo

_ACROSS = 4  # photos beside each other


def photos_page(sources: Sources) -> Page:
    """Figure 1.2: photos, and below each its ground truth.

    Raises:
      InputError: a photo has no ground truth, or a file is damaged.
    """
    examples, rows = sources.val(), []
    for start in range(0, len(examples), _ACROSS):
        shown = examples[start:start + _ACROSS]
        without = [example for example in shown if not example.mask]
        if without:
            raise InputError(f"{without[0].image}: it has no ground truth, which figure {sources.config.figure} shows: choose "
                             "others with --images")
        rows.append(tuple(Panel(read_photo(example.image), (example.image_id,)) for example in shown))
        rows.append(tuple(Panel(read_labels(example.mask)) for example in shown))
    return Page(tuple(rows), sources.class_names)


def truth_panel(example: Example, of_objects: bool = False) -> tuple[Panel, ...]:
    """The ground truth of a photo (or its objects without their classes), nothing if it has none."""
    if not example.mask:
        return ()
    truth = read_labels(example.mask)
    return (Panel(objects(truth) if of_objects else truth, ("ground truth",)),)
