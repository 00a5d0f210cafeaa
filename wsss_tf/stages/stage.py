"""What a stage is."""

import dataclasses
import enum
import functools
from collections.abc import Callable, Mapping
from typing import Any

from wsss_tf.example import Dataset


class Makes(str, enum.Enum):
    """What a stage leaves in its folder; scores, report and figures go by this and know no stage by name."""

    FACTS = "facts"  # nothing but its manifest
    NET = "net"  # a trained net and its log
    CAMS = "cams"  # <image_id>.npz of class activation maps
    LABELS = "labels"  # <image_id>.png of labels, 255 for undecided pixels
    SALIENCY = "saliency"  # <image_id>.png, 0 background, 1 object, 255 undecided
    SUPERPIXELS = "superpixels"  # <image_id>.png, 16-bit ids
    MASKS = "masks"  # plain/ and crf/ with <image_id>.png of the evaluation images
    SCORES = "scores"  # scores.json
    REPORT = "report"  # report.html
    EXPORT = "export"  # 1/, a SavedModel


@dataclasses.dataclass(frozen=True)
class Pass:
    """One net in a training step, for the estimate of its memory.

    Attributes:
      build: () -> the Keras model, with random weights.
      sides: of the square images that it sees in the step.
      learns: its weights have gradients and momenta.
    """

    build: Callable[[], Any]
    sides: tuple[int, ...]
    learns: bool = True


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of a chain.

    Attributes:
      name: of its folder.
      work: (place, *settings) -> results for the manifest; a function of a
        module, or a functools.partial of one.
      settings: instances of settings classes: all that work gets, and all that
        is fingerprinted.
      needs: role -> input, a stage or "prepare.part", a part of its results.
      makes: what lies in the folder afterwards.
      supervision: what is learned from here, in words. A chain unites them.
      version: raise it when the same settings give other results.
      random: depends on the seed; other stages do so through their inputs only,
        and runs of different seeds share them.
      shared: all workers of TF_CONFIG make it together; of the others the
        chief makes all, while the rest waits.
      own: made in every experiment, never taken from another one: what bears
        the experiment's name, and where others look for its scores.
      opens_masks: it opens the masks of the training images, which has to be
        allowed.
      listing: function that opens the data set -> digest of the names, sizes and
        times of the files that a stage without needs reads from outside.
      prove: (dataset, *settings) raises an InputError if something that work
        will open is not there; called before any stage works.
      passes: (number of classes, *settings) -> the nets of its training step.
    """

    name: str
    work: Callable[..., dict]
    settings: tuple[Any, ...] = ()
    needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    makes: Makes = Makes.FACTS
    supervision: tuple[str, ...] = ()
    version: int = 1
    random: bool = False
    shared: bool = False
    own: bool = False
    opens_masks: bool = False
    listing: Callable[[Callable[[], Dataset]], str] | None = None
    prove: Callable[..., None] | None = None
    passes: Callable[..., list[Pass]] | None = None


def work_name(work: Callable) -> str:
    """What tells one work from another: "module:function", and of a partial its arguments too."""
    if isinstance(work, functools.partial):
        arguments = [*work.args, *work.keywords.values()]
        return f"{work_name(work.func)}({', '.join(map(_shown, arguments))})"
    return f"{work.__module__.removeprefix('wsss_tf.')}:{work.__qualname__}"


def _shown(argument: Any) -> str:
    return work_name(argument) if callable(argument) else repr(argument)


def united(words: Mapping[str, None] | tuple[str, ...]) -> str:
    """Supervision in one phrase, e.g. "image tags and saliency maps"; starts from other nets come last.

    Args:
      words: of the stages of a chain, in their order.
    """
    words = list(dict.fromkeys(words))
    starts = [word for word in words if "started from" in word]
    learned = [word for word in words if word not in starts]
    return "; ".join([*([" and ".join(learned)] if learned else []), *starts]) or "none"
