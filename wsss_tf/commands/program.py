"""The main function that all scripts share: flags in, one stage or a chain out."""

import contextlib
import dataclasses
import os
import re
import sys
import time
from collections.abc import Callable, Iterator

# TensorFlow reads these when it is imported: no banner, and a GPU's memory is taken as needed.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

from absl import app, flags  # noqa: E402

from wsss_tf.errors import InputError, Stopped  # noqa: E402
from wsss_tf.experiment import Experiment, define_experiment_flags, read_experiment  # noqa: E402
from wsss_tf.parallel.pool import require_workers  # noqa: E402
from wsss_tf.pseudo_labels.saliency_sources import require_source  # noqa: E402
from wsss_tf.stages.reuse import absent_experiments  # noqa: E402
from wsss_tf.stages.steps import STAGES, open_chain  # noqa: E402
from wsss_tf.train.replicas import prepare_devices  # noqa: E402


def run_script(main: Callable[..., None], command: str = "", words: bool = False) -> None:
    """Parses the flags of an experiment, runs main, and turns user errors into one line and exit code 2.

    Args:
      main: what the script does, given the experiment (and the words).
      command: a word that has to stand before the flags.
      words: there may be words beside the flags; main gets them too.
    """

    def wrapped(argv: list[str]) -> None:
        with _told_in_a_line():
            if not words:
                _check_words(argv, command)
            experiment = read_experiment(flags.FLAGS)
            _check_reuse(experiment)
            prepare_devices(experiment.run.replicas, experiment.run.deterministic)
            require_workers(experiment.run)
            main(experiment, *([argv[1:]] if words else []))

    define_experiment_flags(flags.FLAGS)
    app.run(wrapped)


def run_words(main: Callable[[list[str]], None]) -> None:
    """As run_script, for a script that takes words and has no experiment."""

    def wrapped(argv: list[str]) -> None:
        with _told_in_a_line():
            main(argv[1:])

    app.run(wrapped)


@contextlib.contextmanager
def _told_in_a_line() -> Iterator[None]:
    try:
        yield
    except (InputError, OSError) as error:  # an OSError tells of the machine, and names its file too
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print(f"\nstopped at {stopped}: the same command goes on from here")
    except KeyboardInterrupt:
        sys.stdout.flush()
        print("\ninterrupted: the same command goes on from here", file=sys.stderr)
        sys.exit(130)  # as shells report it


def _check_reuse(experiment: Experiment) -> None:
    """What was typed must exist; flagfiles name what may have been run before."""
    typed = any(re.match("--?reuse(=|$)", word) for word in sys.argv)
    for line in absent_experiments(experiment):
        if typed:
            raise InputError(f"{line}: correct the name or leave it out")
        print(f"note: {line}: nothing is taken from it")


def _check_words(argv: list[str], command: str) -> None:
    words = argv[1:]
    if command and words[:1] != [command]:
        raise InputError(f"{' '.join(words) or 'no command'}: expected '{command}' before the flags: write "
                         f"{os.path.basename(argv[0])} {command} --NAME=VALUE")
    if words[bool(command):]:
        raise InputError(f"{words[bool(command)]}: expected flags only: write --flagfile=FILE or --NAME=VALUE")


def given_flags(experiment: Experiment, without: tuple[str, ...] = ()) -> list[str]:
    """The flags of the experiment that stood on the command line, as they were written."""
    settings = experiment.settings(*(field.name for field in dataclasses.fields(experiment)))
    return [flags.FLAGS[name].serialize() for name in settings if flags.FLAGS[name].present and name not in without]


def row_experiment(flagfile: str, given: list[str]) -> Experiment:
    """The experiment of a flagfile and of flags that win over it.

    Raises:
      InputError: no such file, or flags in it that do not exist or fit.
    """
    values = flags.FlagValues()
    define_experiment_flags(values)
    try:
        values(["row", f"--flagfile={flagfile}", *given])
    except (flags.Error, OSError) as error:
        raise InputError(f"{flagfile}: {error}: correct the flagfile or its path") from error
    return read_experiment(values)


def run_stage(name: str) -> None:
    """Runs one stage as a program of its own; its inputs must be done."""
    assert name in STAGES
    run_script(lambda experiment: print(open_chain(experiment).run(name)))


def run_chain(experiment: Experiment) -> None:
    """Runs every stage that the report of an experiment needs, skipping what is up to date."""
    started = time.time()
    chain = open_chain(experiment)
    names = chain.required("report")
    if "saliency" in names:
        require_source(experiment.saliency, experiment.dataset.train)  # better now than after the classifier's hours
    for name in names:
        folder = chain.run(name)
    print(f"masks of {len(experiment.dataset.val)} photos: {chain.require('masks')}")
    print(f"done in {(time.time() - started) / 60:.1f} min: {folder / 'report.html'}")
