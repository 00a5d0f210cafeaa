"""Fixtures shared by the tests: generated data, scripts run in this process, and one tiny run of each method.

What imports TensorFlow is imported inside the fixtures: it takes seconds, and many tests do without.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import re
import socket
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # as the scripts do, before anything imports TensorFlow

ROOT = Path(__file__).parents[1]
TINY = ("--source=shapes", "--shapes_train=12", "--shapes_val=4", "--shapes_size=64", "--crop=64", "--crop_scales=1",
        "--cls_backbone=tiny", "--cls_weights=none", "--cls_channels=8", "--cls_rates=2", "--cls_epochs=2",
        "--cls_batch=4", "--cls_log_every=1", "--cam_scales=1", "--seg_backbone=tiny", "--seg_weights=none",
        "--seg_rates=1,2", "--seg_channels=8", "--seg_scales=1,0.5", "--seg_epochs=2", "--seg_batch=4",
        "--seg_log_every=1", "--paths=1", "--test_scales=1", "--workers=1")

# Every file that Python opens, while somebody listens. Audit hooks cannot be removed, so there is one for all.
_listeners = []


def _hear(event, arguments):
    if event == "open" and _listeners and isinstance(arguments[0], (str, bytes, os.PathLike)):
        for heard in _listeners:
            heard.append(os.fsdecode(arguments[0]))


sys.addaudithook(_hear)


@contextlib.contextmanager
def _opened_files():
    heard = []
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners.remove(heard)


@dataclasses.dataclass(frozen=True)
class Finished:
    """How a script ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """What stderr ends with: 'error: ' at the start of a line, the message, and a line for each image that failed."""
        found = re.findall(r"^error: (.*(?:\n  .*)*)\n\Z", self.err, re.MULTILINE)
        assert len(found) == 1 and self.err.count("\nerror: ") <= 1 and "Traceback" not in self.err, self.err
        return found[0]


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished experiment, its folder, and by stage the files that were opened meanwhile."""

    experiment: object
    folder: Path
    opened: dict[str, list[str]]


@pytest.fixture(scope="session")
def golden():
    """The function name -> arrays recorded from a reference implementation (PyTorch's axis order)."""

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(Path(__file__).parent / "golden" / f"{name}.npz") as arrays:
            return dict(arrays)

    return read


@pytest.fixture(scope="session")
def filled():
    """The function (recorded, seed, scale) -> name -> weights that the reference was run with; they are drawn, not stored."""
    from wsss_tf.checkpoints import recipe

    def draw(recorded: dict, seed: int, scale: float) -> dict[str, np.ndarray]:
        return recipe.draw(recorded["param_names"], recorded["param_shapes"], recorded["param_kinds"], seed, scale)

    return draw


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The function (file name, arrays) -> path of a file as PyTorch, MXNet or safetensors would have written it."""
    folder = tmp_path_factory.mktemp("published")

    def write(name: str, arrays: dict[str, np.ndarray]) -> Path:
        arrays = {key: np.ascontiguousarray(array, "<f4") for key, array in arrays.items()}
        path = folder / name
        {".params": _write_params, ".safetensors": _write_safetensors}.get(path.suffix, _write_pth)(path, arrays)
        return path

    return write


@pytest.fixture(scope="session")
def converted(published):
    """The function (checkpoint, published name -> array, suffix) -> our net, by way of a file and the real converter."""
    from wsss_tf.checkpoints.convert import converted_net
    from wsss_tf.checkpoints.manifest import read_manifest

    checkpoints = read_manifest(ROOT / "checkpoints/manifest.json")

    def convert(name: str, arrays: dict[str, np.ndarray], suffix: str = ".pth"):
        return converted_net(checkpoints[name], published(f"{name}{suffix}", arrays))

    return convert


def _write_pth(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A zip whose pickle is made of the opcodes that PyTorch writes; the prefix of names up to a / is an inner dictionary."""
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def numbers(values) -> bytes:
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    pickled, outer = b"", next(iter(arrays)).rpartition("/")[0]
    with zipfile.ZipFile(path, "w") as archive:
        for key, (name, array) in enumerate(arrays.items()):
            storage = (b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu")
                       + numbers([array.size])[1:] + b"Q")
            strides = [stride // 4 for stride in array.strides]
            pickled += (text(name.rpartition("/")[2]) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00"
                        + numbers(array.shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)RtRs")
            archive.writestr(f"archive/data/{key}", array.tobytes())
        start, end = (b"\x80\x02}" + text(outer) + b"}", b"s.") if outer else (b"\x80\x02}", b".")
        archive.writestr("archive/data.pkl", start + pickled + end)
        archive.writestr("archive/version", "3\n")


def _write_params(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """As MXNet wrote before 2017: sides in 32 bits."""
    with open(path, "wb") as file:
        file.write(struct.pack("<QQQ", 0x112, 0, len(arrays)))
        for array in arrays.values():
            file.write(struct.pack(f"<I{array.ndim}Iiii", array.ndim, *array.shape, 1, 0, 0) + array.tobytes())
        file.write(struct.pack("<Q", len(arrays)))
        for name in arrays:
            file.write(struct.pack("<Q", len(name)) + name.encode())


def _write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    ends = np.cumsum([array.nbytes for array in arrays.values()]).tolist()
    header = json.dumps({name: {"dtype": "F32", "shape": array.shape, "data_offsets": [end - array.nbytes, end]}
                         for (name, array), end in zip(arrays.items(), ends)}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"".join(array.tobytes() for array in arrays.values()))


@pytest.fixture(scope="session")
def cluster():
    """The function (count) -> environment of each of so many workers on this machine, which will share their training."""

    def configure(count: int) -> list[dict[str, str]]:
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            for each in sockets:
                each.bind(("localhost", 0))
            addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
        return [{"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})}
                for index in range(count)]

    return configure


@pytest.fixture(scope="session")
def opened_files():
    """Context manager that yields the growing list of files that Python opens."""
    return _opened_files


@pytest.fixture(scope="session")
def tiny_flags(tmp_path_factory) -> tuple[str, ...]:
    """Flags of an experiment that takes seconds; later flags override them."""
    folder = tmp_path_factory.mktemp("tiny")
    return (*TINY, f"--data={folder / 'shapes'}", f"--runs={folder / 'runs'}")


@pytest.fixture(scope="session")
def tiny(tiny_flags):
    """The function (more flags) -> tiny Experiment; flags that its system does not read are left out of the tiny ones."""
    from wsss_tf.commands.parsing import experiment_of, flag_names, system_of
    from wsss_tf.stages.settings import RunConfig

    run = {field.name for field in dataclasses.fields(RunConfig)}

    def parse(*more: str):
        known = flag_names(system_of(more)) | run
        return experiment_of([*(flag for flag in tiny_flags if flag[2:].partition("=")[0] in known), *more])

    return parse


@pytest.fixture(scope="session")
def tiny_data(tiny) -> Path:
    """The generated data of the tiny experiments; copy it before changing it."""
    experiment = tiny()
    assert experiment.dataset
    return Path(experiment.settings.data.data)


@pytest.fixture
def script(capfd):
    """The function (command, words) -> Finished that runs `wsss COMMAND WORDS` in this process."""
    from wsss_tf.commands.main import main

    def run(name: str, *words: str) -> Finished:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([name, *words])
        return Finished(ended.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def finish(opened_files):
    """The function Experiment -> Run that makes all stages up to the report."""

    def run(experiment) -> Run:
        chain, opened = experiment.chain, {}
        for stage in chain.required():
            with opened_files() as opened[stage]:
                chain.run(stage)
        return Run(experiment, experiment.folder("report").parent, opened)

    return run


@pytest.fixture(scope="session")
def masking_run(tiny, finish) -> Run:
    """The method of chapter 2 with attention and refined saliency."""
    return finish(tiny("--experiment=tiny_masking"))


@pytest.fixture(scope="session")
def cam_run(tiny, finish, masking_run) -> Run:
    """The CAM baseline; takes prepare, classifier and cams from the masking run."""
    return finish(tiny("--experiment=tiny_cam", "--system=cam_baseline", "--reuse=tiny_masking"))


@pytest.fixture(scope="session")
def growing_run(tiny, finish, masking_run) -> Run:
    """The method of chapter 3 with IRN's classifier and superpixels of colours; takes prepare from the masking run."""
    return finish(tiny("--experiment=tiny_growing", "--system=superpixel_growing", "--reuse=tiny_masking",
                       "--feature_net=rgb", "--feature_stride=4", "--superpixel_tau=0.9", "--seed_alpha=0.3",
                       "--cls_crop=48", "--cls_resize_long=48,80", "--cls_lr=0.001", "--seg_warmup_epochs=0",
                       "--seg_head=aspp_fc"))


@pytest.fixture
def pretend(tmp_path):
    """The function (flags, plain=, crf=, ...) -> folder of a run whose stages did nothing but tell these scores.

    Its manifests are real. The flags are those of a flagfile of the repository; the data set has VOC's counts unless
    `prepared` says otherwise.
    """
    from wsss_tf.commands.parsing import experiment_of
    from wsss_tf.data.voc import CLASS_NAMES
    from wsss_tf.stages.chain import Chain

    def run(*arguments: str, plain: float = 0.5, crf: float = 0.6, iou=None, cams=None, superpixels=None, prepared=None,
            runs: Path = tmp_path / "runs") -> Path:
        experiment = experiment_of([*arguments, f"--runs={runs}"])
        digests = {name: f"{name} of {prepared}" for name in ("train", "train_masks", "val", "val_masks")}
        found = {"classes": list(CLASS_NAMES), "train_images": 10582, "val_images": 1449, "maps_max": 255, **digests}
        iou = iou or [0.5] * len(CLASS_NAMES)
        masks = {"masks": {"plain": {"miou": plain, "iou": iou}, "crf": {"miou": crf, "iou": iou}}}
        scores = {} if superpixels else masks
        scores |= ({"cams": cams} if cams else {}) | ({"superpixels": superpixels} if superpixels else {})
        told = {"prepare": (found | (prepared or {}), None), "scores": ({}, scores)}

        def pretended(stage):
            def tell(place, *settings):
                results, content = told.get(stage.name, ({}, None))
                if content is not None:
                    (place.folder / "scores.json").write_text(json.dumps(content))
                return results

            tell.__qualname__ = f"{stage.name} of {experiment.system.name}"
            listing = (lambda open_dataset: "the photos") if stage.listing else None
            return dataclasses.replace(stage, work=tell, listing=listing, prove=None)

        stages = [pretended(stage) for stage in experiment.chain.stages.values()]
        chain = Chain(experiment.system.name, stages, experiment.prefix, experiment.run, lambda: None)
        for name in chain.required("scores"):
            chain.run(name)
        return experiment.folder("scores").parent

    return run


@pytest.fixture(scope="session")
def nothing_overlaps():
    """The function figure -> None that fails if texts or panels overlap or leave the page."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def check(figure) -> None:
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        texts = [text for ax in figure.axes for text in (ax.title, ax.xaxis.label)] + figure.texts
        words = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
        boxes = words + [("panel", axes.get_window_extent(renderer)) for axes in figure.axes]
        for (name, box), (other, another) in itertools.combinations(boxes, 2):
            apart = (box.x1 <= another.x0 + 0.5 or another.x1 <= box.x0 + 0.5 or
                     box.y1 <= another.y0 + 0.5 or another.y1 <= box.y0 + 0.5)
            assert apart, (name, other)
        for name, box in words:
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, name

    return check


@pytest.fixture(scope="session")
def drawn_files():
    """The function (paths, names) -> None that fails unless these are whole PNG and PDF files of these names."""
    from PIL import Image

    def check(paths, names) -> None:
        assert [path.name for path in paths] == [f"{name}{suffix}" for name in names for suffix in (".png", ".pdf")]
        for path in paths:
            if path.suffix == ".png":
                with Image.open(path) as image:
                    image.load()
                    assert image.width == 2100 and image.format == "PNG"
            else:
                content = path.read_bytes()
                assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
                assert b"/Subtype /Type0" in content or b"/FontFile2" in content, "letters stay letters"
        assert not list(paths[0].parent.glob(".*")), "no temporary file is left"

    return check
