"""wsss doctor: checks of a machine and of what an experiment needs, each with what to do about it.

The facts are those of TensorFlow 2.21: its wheels hold code for compute
capability 6.0 and above; cuDNN 9.11 dropped cards below 7.5.
"""

import contextlib
import dataclasses
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import tensorflow as tf

from wsss_tf.commands.memory import StepMemory, step_memory, training_of
from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command, prepare
from wsss_tf.config import expand_path, groups
from wsss_tf.data.check import check_dataset
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.settings import FeatureConfig

GOOD, NOTE, BAD = "ok", "note", "FAULT"
_OPTIONAL = {"pydensecrf": "the project's own dense CRF is used, which gives the same masks more slowly (make crf)",
             "pycocotools": "masks of COCO cannot be drawn from its annotations (pip install -e '.[coco]')",
             "distributed": "offline stages cannot run on a Dask cluster (pip install -e '.[dask]')",
             "torch": "converted weights are proven by recordings instead (pip install -e '.[convert]')"}
_OLDEST_CARD, _TENSOR_CORES, _BFLOAT16, _SINCE_CUDNN_9_11 = (6, 0), (7, 0), (8, 0), (7, 5)
_LOOKED_AT = 16  # photos of each split
_WORKSPACE = 1.5  # measured over estimated on a processor: 1.05 for ResNet101, 1.5 for VGG16
_FREE = 5 * 2**30  # bytes of disk below which to say so


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check has found.

    Attributes:
      level: "ok", "note" or "FAULT".
      what: the thing.
      text: what was found and, unless it is well, what to do.
    """

    level: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:5s} {self.what}: {self.text}"


def examine(experiment: Experiment) -> Iterator[Finding]:
    """Findings about packages, devices, and all that the experiment reads and writes."""
    yield from _packages()
    yield from _devices(experiment)
    yield from _data(experiment)
    yield from _weights(experiment)
    yield from _memory(experiment)
    yield _disk(experiment)


def _packages() -> Iterator[Finding]:
    names = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")
    yield Finding(GOOD, "packages", ", ".join(f"{name} {metadata.version(name)}" for name in names))
    if importlib.util.find_spec("tensorflow_addons"):
        yield Finding(BAD, "tensorflow-addons", "it cannot live beside Keras 3 and nothing here needs it: pip uninstall "
                                                "tensorflow-addons")
    try:
        from cv2 import ximgproc  # noqa: F401 - a wheel without the contrib modules has no superpixels
        yield Finding(GOOD, "opencv", "with ximgproc")
    except ImportError as error:
        yield Finding(BAD, "opencv", f"no ximgproc, SLIC, SEEDS and LSC cannot run ({error}): pip uninstall opencv-python "
                                     "opencv-python-headless; pip install --force-reinstall opencv-contrib-python-headless")
    for name, without in _OPTIONAL.items():
        found = importlib.util.find_spec(name)
        yield Finding(GOOD, name, "found") if found else Finding(NOTE, name, f"not installed: {without}")


def _devices(experiment: Experiment) -> Iterator[Finding]:
    yield Finding(GOOD, "processor", f"{os.cpu_count()} cores, {_machine_memory() / 2**30:.0f} GiB")
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus and shutil.which("nvidia-smi"):
        yield Finding(BAD, "GPU", "there is a driver, but TensorFlow sees no device: pip install -e '.[gpu]' in this environment, "
                                  "and see what nvidia-smi says")
    elif not gpus:
        yield Finding(NOTE, "GPU", "none: training runs on the processor, which is enough for flags/demo and flags/real only")
    for gpu in gpus:
        details = tf.config.experimental.get_device_details(gpu)
        yield gpu_finding(details.get("device_name", gpu.name), details.get("compute_capability"), cudnn_version())
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability") for gpu in gpus]
    for stage in experiment.chain.stages.values():
        train = training_of(stage)
        if train:
            yield precision_finding(f"--{experiment.prefix(train)}precision={train.precision}", train.precision, capabilities)


def gpu_finding(name: str, capability: tuple[int, int] | None, cudnn: tuple[int, int] | None) -> Finding:
    """About one card, by its compute capability and the version of cuDNN; either may be unknown."""
    if capability is None:
        return Finding(NOTE, name, "its compute capability is unknown")
    shown = f"compute capability {capability[0]}.{capability[1]}, cuDNN {'.'.join(map(str, cudnn)) if cudnn else 'unknown'}"
    if capability < _OLDEST_CARD:
        return Finding(BAD, name, f"{shown}: TensorFlow's wheels need 6.0 or above: use another card, or CUDA_VISIBLE_DEVICES=")
    if cudnn and cudnn >= (9, 11) and capability < _SINCE_CUDNN_9_11:
        return Finding(BAD, name, f"{shown}: cuDNN 9.11 dropped this card: pip install 'nvidia-cudnn-cu12>=9.3,<9.11'")
    best = "mixed_bfloat16 and mixed_float16 are faster" if capability >= _BFLOAT16 else (
        "mixed_float16 is faster" if capability >= _TENSOR_CORES else "float32 is the fastest")
    return Finding(GOOD, name, f"{shown}; {best}")


def precision_finding(flag: str, precision: str, capabilities: list[tuple[int, int] | None]) -> Finding:
    """Whether the number format makes sense on cards of these compute capabilities."""
    needed = {"float32": (0, 0), "mixed_float16": _TENSOR_CORES, "mixed_bfloat16": _BFLOAT16}[precision]
    if precision != "float32" and not capabilities:
        return Finding(NOTE, flag, "gains nothing on a processor: take float32")
    slow = [capability for capability in capabilities if capability and capability < needed]
    if slow:
        return Finding(NOTE, flag, f"gains nothing below compute capability {needed[0]}.{needed[1]}, found "
                                   f"{slow[0][0]}.{slow[0][1]}: take float32")
    return Finding(GOOD, flag, "suits")


def cudnn_version() -> tuple[int, int] | None:
    """Of the installed wheel, else of the one that TensorFlow was built with; None without CUDA."""
    try:
        major, minor, *_ = metadata.version("nvidia-cudnn-cu12").split(".")
    except metadata.PackageNotFoundError:
        major, _, minor = str(tf.sysconfig.get_build_info().get("cudnn_version", "")).partition(".")
    return (int(major), int(minor or 0)) if major.isdecimal() else None


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _data(experiment: Experiment) -> Iterator[Finding]:
    e = experiment
    data = e.settings.data
    if data.source == "shapes" and not expand_path(data.data).exists():
        yield Finding(GOOD, "data", f"{data.data} will be generated")
        return
    try:
        dataset = e.dataset
    except InputError as error:
        yield Finding(BAD, "data", str(error))
        return
    few = dataclasses.replace(dataset, train=dataset.train[:_LOOKED_AT], val=dataset.val[:_LOOKED_AT])
    problems = check_dataset(few, True, data.maps_max, data.max_pixels)
    yield from (Finding(BAD, "data", problem) for problem in problems)
    if not problems:
        yield Finding(GOOD, "data", f"{dataset.name}: {dataset.num_classes} classes, {len(dataset.train)} training and "
                                    f"{len(dataset.val)} evaluation images; the first {_LOOKED_AT} of each are sound "
                                    "(wsss data check reads all)")


def _weights(experiment: Experiment) -> Iterator[Finding]:
    read = [settings for stage in experiment.chain.stages.values() for settings in stage.settings]
    for prefix, settings in groups(experiment.settings).values():
        if not any(settings is each for each in read):
            continue
        if isinstance(settings, BackboneConfig):
            yield _tried(f"--{prefix}weights={settings.weights}", lambda: build_backbone(settings), _of_keras(settings))
        elif isinstance(settings, FeatureConfig) and "superpixels" in experiment.chain.required():
            yield from _features(prefix, settings, experiment)


def _features(prefix: str, settings: FeatureConfig, experiment: Experiment) -> Iterator[Finding]:
    stage = experiment.chain.stage("superpixels")
    if settings in stage.settings and "net" not in stage.needs:
        yield _tried(f"--{prefix}weights={settings.weights}", lambda: Features(settings), "")


def _of_keras(backbone: BackboneConfig) -> str:
    """A remark on weights that Keras would download."""
    if backbone.weights != "imagenet":
        return ""
    cache = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    return f"; downloaded by Keras to {cache}"


def _tried(flag: str, load, remark: str) -> Finding:
    try:
        load()
    except InputError as error:
        return Finding(BAD, flag, str(error))
    return Finding(GOOD, flag, f"fits{remark}")


def _memory(experiment: Experiment) -> Iterator[Finding]:
    try:
        classes = experiment.dataset.num_classes
    except InputError:
        classes = 20  # it hardly matters
    for stage in experiment.chain.stages.values():
        if not stage.passes:
            continue
        train = training_of(stage)
        flag = f"--{experiment.prefix(train)}parts"
        try:
            need = step_memory(stage, classes, experiment.run)
            yield memory_finding(stage.name, flag, train.parts, need, _device_memory())
        except InputError as error:
            yield Finding(BAD, f"memory of the {stage.name}", str(error))


def memory_finding(name: str, flag: str, parts: int, need: StepMemory, there: int) -> Finding:
    """Whether a step fits into so many bytes."""
    text = (f"about {need.total / 2**30:.1f} GiB ({need.variables / 2**30:.1f} for variables, {need.images} images of "
            f"{need.image / 2**20:.0f} MiB), and up to half of that on top as workspace; there are {there / 2**30:.0f} GiB")
    if _WORKSPACE * need.total <= there:
        return Finding(GOOD, f"memory of the {name}", text)
    fits = (factor for factor in range(2, need.images + 1) if need.images % factor == 0 and _WORKSPACE * (
        need.variables + need.images // factor * need.image) <= there)
    factor = next(fits, None)
    remedy = f"{flag}={parts * factor} or more devices" if factor else "smaller crops or nets, or a larger card"
    return Finding(NOTE if need.total <= there else BAD, f"memory of the {name}", f"{text}: take {remedy}")


def _device_memory() -> int:
    """Of the smallest GPU, else of the machine."""
    if tf.config.list_physical_devices("GPU"):
        command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
        with contextlib.suppress(OSError, ValueError):
            told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
            return min(int(size) for size in told) * 2**20
    return _machine_memory()


def _disk(experiment: Experiment) -> Finding:
    runs = expand_path(experiment.run.runs).absolute()
    folder = next(path for path in (runs, *runs.parents) if path.exists())
    if not os.access(folder, os.W_OK):
        return Finding(BAD, f"--runs={runs}", f"{folder} is not writable: name another folder")
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.0f} GiB free"
    return Finding(GOOD, f"--runs={runs}", text) if free >= _FREE else Finding(
        NOTE, f"--runs={runs}", f"{text}: class activation maps of VOC alone need more: free some space or name another folder")


USAGE = """wsss doctor --flagfile=FILE [--NAME=VALUE ...]

Looks at this machine, and at all that an experiment needs, and says what to do about what is missing; exit code 1 if
anything is."""


def main(parsed: Parsed) -> int:
    """Prints each finding."""
    prepare(parsed.experiment)
    faults = 0
    for finding in examine(parsed.experiment):
        print(finding, flush=True)
        faults += finding.level == BAD
    print(f"{faults} faults found" if faults else "no faults found")
    return 1 if faults else 0


COMMAND = Command("doctor", USAGE, main)
