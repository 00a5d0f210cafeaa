"""What a system is."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wsss_tf.stages.stage import Stage


@dataclasses.dataclass(frozen=True)
class System:
    """A way from photos and tags to masks, or a part of one.

    Attributes:
      name: what --system calls it.
      title: one line on it.
      settings: class of its settings: a dataclass of groups (wsss_tf.config.group)
        whose values are the paper's. All have `data` and `shapes`.
      stages: settings -> its stages, each after those that it needs.
      check: settings -> nothing; raises an InputError where flags contradict each other.
      protocols: id of an original table -> (row -> how its numbers were
        measured), of the tables that the system reproduces.
      figures: () -> the figures that only its runs have, each a
        wsss_tf.figures.kind.Kind; called late, as what draws imports TensorFlow.
    """

    name: str
    title: str
    settings: type
    stages: Callable[[Any], Iterable[Stage]]
    check: Callable[[Any], None] = lambda settings: None
    protocols: Mapping[str, Callable] = dataclasses.field(default_factory=dict)
    figures: Callable[[], tuple[Any, ...]] = lambda: ()
