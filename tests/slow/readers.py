"""Every reader of what comes from outside: a sound input of it, and how it is read. New readers are added here."""

import dataclasses
import functools
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from tests.slow.malformed import Change, gzipped, png_chunks, words, zip_members
from wsss_tf.checkpoints import manifest as checkpoints
from wsss_tf.data import class_names, labels, labels_csv, labels_xml, lists, text
from wsss_tf.data.build.coco_masks import write_masks
from wsss_tf.data.coco_annotations import read_instances
from wsss_tf.data.coco_categories import read_categories
from wsss_tf.data.coco_layout import read_annotations
from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.evaluate import artefacts, cooccurrence
from wsss_tf.files import cams, images, json_artefact, manifest
from wsss_tf.formats import cls_labels, matlab, mxnet, pytorch, safetensors
from wsss_tf.nets.origin import Provenance, provenance
from wsss_tf.results.voc_server import Submission, check_submission

_GOLDEN = Path(__file__).parents[1] / "golden"
_MANIFEST = Path(__file__).parents[2] / "checkpoints/manifest.json"
_NAMES = ("background", "cat", "dog", "sofa")
_RNG = np.random.default_rng(0)
_PHOTO = Image.fromarray(_RNG.integers(0, 256, [40, 50, 3], np.uint8))
_GREY = Image.fromarray((np.indices([40, 50]).sum(axis=0) % 4).astype(np.uint8))


@dataclasses.dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
      name: of the file in its folder.
      sound: the bytes of a sound file.
      read: called with the path of the file.
      covers: the functions that this tries.
      changes: kinds of malformation that only this format has.
    """

    name: str
    sound: Callable[[], bytes]
    read: Callable[[Path], object]
    covers: tuple[Callable, ...]
    changes: tuple[Change, ...] = ()


def _reads(name: str, sound: Callable[[], bytes], function: Callable, *arguments: object, changes: tuple[Change, ...] = ()) -> Reader:
    """A reader that takes the path and further arguments."""
    return Reader(name, sound, lambda path: function(path, *arguments), (function,), changes)


def _golden(name: str) -> Callable[[], bytes]:
    return (_GOLDEN / name).read_bytes


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def _image(image: Image.Image, kind: str = "PNG", **options: object) -> Callable[[], bytes]:
    return functools.partial(_saved, lambda file: image.save(file, kind, **options))


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x112], exif[0x11A], exif[0x8825] = 6, 72.0, {1: "N", 2: (1.0, 2.0, 3.0)}
    return exif


def _text(value: object) -> Callable[[], bytes]:
    return lambda: json.dumps(value).encode() if not isinstance(value, str) else value.encode()


def _labels() -> bytes:
    values = {f"2007_{number:06d}": np.float32([1, number % 2, 0]) for number in range(9)}
    return _saved(lambda file: np.save(file, values))


def _sbd() -> bytes:
    return _saved(lambda file: scipy.io.savemat(file, {"GTcls": {"Segmentation": np.asarray(_GREY), "Boundaries": [1.0]}}))


def _context() -> bytes:
    return _saved(lambda file: scipy.io.savemat(file, {"LabelMap": np.asarray(_GREY, np.uint16)}, do_compression=True))


def _maps() -> bytes:
    return _saved(lambda file: np.savez_compressed(file, keys=np.int64([1, 3]), cam=_RNG.random([2, 40, 50]).astype(np.float16)))


def _weights() -> bytes:
    import h5py

    own = Provenance("checkpoint", "net", "torchvision", "image labels", "0" * 64)

    def write(file: io.BytesIO) -> None:
        with h5py.File(file, "w") as weights:
            weights["layers/conv2d/vars/0"] = np.ones([3, 3, 3, 4], np.float32)
            weights.create_dataset("layers/dense/vars/0", data=np.ones([40, 4]), chunks=(8, 4), compression="gzip")
            weights.attrs["wsss_tf"] = np.bytes_(json.dumps(dataclasses.asdict(own)))

    return _saved(write)


def _read_hdf5(path: Path) -> object:
    """As nets do: what it says of itself, then every array."""
    from wsss_tf.errors import InputError, reason
    from wsss_tf.formats import hdf5

    try:
        with hdf5.arrays(path) as (_, found):
            arrays = [dataset[()] for dataset in found.values()]
    except Exception as error:  # whatever h5py raises, says the reader; nets.weights.load_weights words it
        raise InputError(f"{path}: {reason(error)}") from error
    return provenance(path), arrays


def _coco() -> bytes:
    annotations = [{"id": 1, "image_id": 7, "category_id": 18, "area": 30.0, "iscrowd": 0, "segmentation": [[2, 2, 9, 2, 9, 9, 2, 9]]},
                   {"id": 2, "image_id": 7, "category_id": 1, "area": 9, "iscrowd": 1,
                    "segmentation": {"counts": [100, 50, 850], "size": [20, 50]}}]
    return json.dumps({"images": [{"id": 7, "file_name": "COCO_train2014_000000000007.jpg", "height": 20, "width": 50}],
                       "annotations": annotations,
                       "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]}).encode()


def _own_coco() -> bytes:
    return json.dumps({"images": [{"id": 0, "file_name": "a b.jpg", "height": 20, "width": 50}],
                       "annotations": [{"id": 1, "image_id": 0, "category_id": 0}],
                       "categories": [{"id": 0, "name": "cat"}, {"id": 5, "name": "dog"}]}).encode()


def _read_coco(path: Path) -> object:
    root = path.parents[1]
    (root / "train2014").mkdir(exist_ok=True)
    for mask in (root / "masks").rglob("*"):
        if mask.is_file():
            mask.unlink()
    return read_annotations(root, "train").tags(), write_masks(root, "train", "instances", progress=False)


def _archive() -> bytes:
    test, file = Submission(("a", "b"), {}), io.BytesIO()
    palette = _GREY.convert("P")
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in test.ids:
            content = _saved(lambda png: palette.save(png, "PNG"))
            entry = tarfile.TarInfo(str(test.folder / f"{name}.png"))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _read_archive(path: Path) -> object:
    return check_submission(path, Submission(("a", "b"), {}))


_XML = ("<annotation><object><name>dog</name><part><name>head</name></part></object><object><name>cat</name><bndbox><xmin>1</xmin>"
        "</bndbox></object></annotation>")
_RUN = {"fingerprint": "f", "results": {"loss": 1.5}, "settings": {"seed": 3}, "inputs": {"net": {"from": "a", "fingerprint": "g"}},
        "machine": {"python": "3"}, "supervision": ["image tags"], "system": "s", "stage": "t", "seed": 0}

READERS: dict[str, Reader] = {
    "pth zip": _reads("x.pth", _golden("torch_zip.pth"), pytorch.read, "state_dict/", changes=(zip_members,)),
    "pth legacy": _reads("x.pth", _golden("torch_legacy.pth"), pytorch.read, "state_dict/"),
    "params": _reads("x.params", _golden("mxnet.params"), mxnet.read),
    "safetensors": _reads("x.safetensors", _golden("torch.safetensors"), safetensors.read, changes=(words,)),
    "weights": Reader("x.weights.h5", _weights, _read_hdf5, (provenance,)),
    "cls_labels": Reader("x.npy", _labels, lambda path: labels.read_npy(path, _NAMES), (labels.read_npy, cls_labels.load)),
    "mat of SBD": Reader("x.mat", _sbd, artefacts.read_truth, (artefacts.read_truth, matlab.read_label_matrix)),
    "mat of Context": Reader("x.mat", _context, cooccurrence.read_context, (cooccurrence.read_context,)),
    "names of Context": _reads("x.txt", _text("1: dog\n2: cat\n"), cooccurrence.read_context_names, changes=(words,)),
    "photo": _reads("x.jpg", _image(_PHOTO, "JPEG"), images.read_photo),
    "progressive photo": _reads("x.jpg", _image(_PHOTO, "JPEG", progressive=True), images.read_photo),
    "photo with EXIF": _reads("x.jpg", _image(_PHOTO, "JPEG", exif=_exif()), images.read_photo, True),
    "photo as PNG": _reads("x.png", _image(_PHOTO, exif=_exif()), images.read_photo, True, changes=(png_chunks,)),
    "labels": Reader("x.png", _image(_GREY.convert("P")), images.read_labels, (images.read_labels, images.read_coloured_labels),
                     (png_chunks,)),
    "grey map": _reads("x.png", _image(_GREY), images.read_grey, changes=(png_chunks,)),
    "ids": _reads("x.png", _image(_GREY.convert("I;16")), images.read_ids, changes=(png_chunks,)),
    "indices": _reads("x.png", _image(_GREY.convert("I;16")), images.read_indices, changes=(png_chunks,)),
    "saliency": _reads("x.png", _image(_GREY), images.read_saliency, 255, changes=(png_chunks,)),
    "size": _reads("x.png", _image(_GREY), images.image_size, changes=(png_chunks,)),
    "CAM": Reader("x.npz", _maps, lambda path: cams.read_cam(path.parent, path.stem, 3), (cams.read_cam,), (zip_members,)),
    "scores": _reads("x.json", _text({"masks": {"plain": {"miou": 0.5, "iou": [0.5, None]}}}), json_artefact.read_json,
                     {"masks": {str: {"miou": float, "iou": [(float, None)]}}}, "make it again", changes=(words,)),
    "log": _reads("x.jsonl", _text('{"step": 1, "loss": 2.5}\n{"step": 2, "loss": NaN}\n'), json_artefact.read_log, changes=(words,)),
    "manifest": Reader("manifest.json", _text(_RUN), lambda path: manifest.read_manifest(path.parent), (manifest.read_manifest,),
                       (words,)),
    "checkpoints": _reads("x.json", _MANIFEST.read_bytes, checkpoints.read_manifest, changes=(words,)),
    "pins": Reader("pins.json", _text({"a": "0" * 64, "b": "1" * 64}), lambda path: checkpoints.read_pins(path.parent),
                   (checkpoints.read_pins,), (words,)),
    "COCO": Reader("annotations/instances_train2014.json", _coco, _read_coco, (read_annotations, read_instances, read_categories), (words,)),
    "COCO of one's own": Reader("own.json", _own_coco, lambda path: labels.read_instance_tags(path, _NAMES),
                             (labels.read_instance_tags,), (words,)),
    "XML": Reader("x.xml", _text(_XML), lambda path: labels.read_tags(path.parent, CLASS_NAMES), (labels_xml.read_xml, labels.read_tags),
                  (words,)),
    "labels.csv": Reader("labels.csv", _text("image_id,classes\na,dog;cat\nb,sofa\n\"c,d\",\n"),
                         lambda path: labels_csv.read_csv(path, _NAMES), (labels_csv.read_csv, text.read_text), (words,)),
    "class names": _reads("classes.txt", _text("background\ncat\ndog\n"), class_names.read_class_names, changes=(words,)),
    "list": _reads("train.txt", _text("a\nb\nJPEGImages/c.jpg SegmentationClass/c.png\n"), lists.read_list, changes=(words,)),
    "submission": Reader("results.tgz", _archive, _read_archive, (check_submission,), (gzipped,)),
}
