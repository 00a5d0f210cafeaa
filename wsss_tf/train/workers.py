"""Several processes that run one command together, as the environment variable TF_CONFIG says.

All of them share every training step; the first, the chief, does and writes
the rest. TensorFlow is imported only where there is another worker to wait for.
"""

import contextlib
import json
import os
from collections.abc import Iterator

from wsss_tf.errors import InputError


def _cluster() -> tuple[dict, str, int]:
    """Addresses by kind of task, and this process's own kind and index."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text or "{}")
        addresses, task = config.get("cluster", {}), config.get("task", {})
        own = task.get("type", "worker"), int(task.get("index", 0))
        if addresses and own[1] >= len(addresses[own[0]]):
            raise ValueError(f"no address for {own[0]} {own[1]}")
        return addresses, *own
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"TF_CONFIG={text}: expected e.g. {{\"cluster\": {{\"worker\": [\"host1:12345\", \"host2:12345\"]}}, "
                         f"\"task\": {{\"type\": \"worker\", \"index\": 0}}}} ({error!r}): correct or unset it") from None


def several_workers() -> bool:
    """Whether TF_CONFIG names other workers beside this one.

    Raises:
      InputError: it is damaged.
    """
    addresses, *_ = _cluster()
    return sum(len(addresses.get(kind, ())) for kind in ("chief", "worker")) > 1


def is_chief() -> bool:
    """Whether this process writes what several workers make.

    Raises:
      InputError: TF_CONFIG is damaged.
    """
    addresses, kind, index = _cluster()
    return not several_workers() or kind == "chief" or (index == 0 and "chief" not in addresses)


def any_worker(asked: bool) -> bool:
    """Whether any worker says yes; all of them have to ask, and wait for each other.

    Raises:
      InputError: another worker has died.
    """
    if not several_workers():
        return asked
    from wsss_tf.train.replicas import vote  # a lone process needs no TensorFlow
    return vote(asked)


def wait_for_all() -> None:
    """Returns when all workers have come here."""
    any_worker(False)


@contextlib.contextmanager
def chief_first() -> Iterator[None]:
    """What is inside is done by the chief, and then by the others, who find it done."""
    if not is_chief():
        wait_for_all()
    yield
    if is_chief():
        wait_for_all()
