"""The SavedModel: right without this package, polite to broken files, readable by TensorFlow's own tools."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.files.images import read_labels, read_photo

RNG = np.random.default_rng(0)

# Runs where neither this package nor Keras can be imported; reads requests, writes answers.
CLIENT = """
import sys
sys.modules["wsss_tf"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
requests = np.load(sys.argv[2])
answers = {}
for name in requests.files:
    signature, key = ("serving_default", "image_bytes") if requests[name].dtype.kind == "S" else ("pixels", "image")
    values = [bytes.fromhex(value.decode()) for value in requests[name]] if key == "image_bytes" else requests[name]
    try:
        result = model.signatures[signature](**{key: tf.constant(values)})
        answers |= {f"{name}/{part}": value.numpy() for part, value in result.items()}
    except tf.errors.InvalidArgumentError as error:
        answers[f"{name}/error"] = np.array(error.message)
np.savez(sys.argv[3], **answers)
"""


def files(*contents: bytes) -> np.ndarray:
    """Image files as a request: hexadecimal, because NumPy drops zeros at the end of bytes."""
    return np.array([content.hex().encode() for content in contents])


def png(pixels: np.ndarray, mode: str | None = None) -> bytes:
    image, file = Image.fromarray(pixels), io.BytesIO()
    (image.convert(mode) if mode else image).save(file, "PNG")
    return file.getvalue()


def photo(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, [height, width, 3], np.uint8)


@pytest.fixture(scope="module")
def saved_model(tiny, masking_run) -> Path:
    """The net of the tiny masking run, refusing more than 9,000 bytes or 5,000 pixels."""
    from wsss_tf.inference.saved_model import VERSION

    experiment = tiny("--experiment=tiny_export", "--reuse=tiny_masking", "--test_flip", "--test_scales=1,0.5",
                      "--export_max_bytes=9000", "--export_max_pixels=5000")
    return experiment.chain.run("export") / VERSION


@pytest.fixture(scope="module")
def predictor(tiny, masking_run):
    """The net and test settings of the SavedModel, in this process."""
    from wsss_tf.stages.place import Place
    from wsss_tf.systems.steps import load_predictor

    e = tiny("--experiment=tiny_export", "--reuse=tiny_masking", "--test_flip", "--test_scales=1,0.5")
    place = Place(masking_run.folder, {"net": masking_run.folder / "segmenter"}, lambda: e.dataset)
    return load_predictor(place, *e.chain.stage("masks").settings)


@pytest.fixture(scope="module")
def ask(saved_model, tmp_path_factory):
    """The function (requests by name) -> answers by name/part, from one process that has TensorFlow alone."""

    def run(**requests: np.ndarray) -> dict[str, np.ndarray]:
        folder = tmp_path_factory.mktemp("client")
        np.savez(folder / "requests.npz", **requests)
        client = subprocess.run([sys.executable, "-c", CLIENT, saved_model, folder / "requests.npz", folder / "answers.npz"],
                                cwd=folder, check=False, capture_output=True, text=True, timeout=300)
        assert client.returncode == 0, client.stderr
        with np.load(folder / "answers.npz") as answers:
            return dict(answers)

    return run


def test_files_and_pixels_give_the_masks_of_predict(ask, predictor, masking_run):
    examples = masking_run.experiment.dataset.val[:2]
    photos = [read_photo(example.image) for example in examples]
    small = photo(37, 50)
    answers = ask(jpeg=files(*(example.image.read_bytes() for example in examples)), pixels=np.stack(photos),
                  sizes=files(png(small), examples[0].image.read_bytes()))
    for index, image in enumerate(photos):
        expected = predictor.probabilities(image)
        for name in ("jpeg", "pixels"):
            np.testing.assert_array_equal(answers[f"{name}/labels"][index], expected.argmax(-1))
            np.testing.assert_allclose(answers[f"{name}/probabilities"][index], expected, atol=1e-6)
    labels, probabilities = answers["sizes/labels"], answers["sizes/probabilities"]
    assert labels.shape == (2, 64, 64) and answers["sizes/sizes"].tolist() == [[37, 50], [64, 64]]
    np.testing.assert_array_equal(labels[0, :37, :50], predictor.probabilities(small).argmax(-1))
    beyond = np.ones([64, 64], bool)
    beyond[:37, :50] = False
    assert (labels[0][beyond] == 255).all() and (probabilities[0][beyond] == 0).all()


def test_masks_on_disk_are_those_of_the_saved_model(tiny, masking_run):
    """With the settings of the run itself, on every pixel of every evaluation photo."""
    import tensorflow as tf

    from wsss_tf.inference.saved_model import VERSION

    folder = tiny("--experiment=tiny_export_same", "--reuse=tiny_masking").chain.run("export")
    model = tf.saved_model.load(folder / VERSION)
    for example in masking_run.experiment.dataset.val:
        answer = model.signatures["serving_default"](image_bytes=tf.constant([example.image.read_bytes()]))
        mask = read_labels(masking_run.folder / "masks" / "plain" / f"{example.image_id}.png")
        np.testing.assert_array_equal(answer["labels"][0], mask)


def test_a_broken_or_oversized_image_is_refused_and_the_next_one_served(ask, masking_run):
    good = masking_run.experiment.dataset.val[0].image.read_bytes()
    deep = io.BytesIO()
    Image.fromarray(RNG.integers(0, 65536, [20, 20]).astype(np.uint16)).save(deep, "PNG")
    cmyk = io.BytesIO()
    Image.fromarray(photo(20, 20)).convert("CMYK").save(cmyk, "JPEG")
    bomb = bytearray(png(photo(20, 20)))
    bomb[16:24] = (65535).to_bytes(4, "big") * 2
    huge = np.zeros([80, 80, 3], np.uint8)
    refused = {
        "empty": (files(b""), "expected a JPEG or PNG file"), "text": (files(b"GIF89a" * 9), "expected a JPEG or PNG file"),
        "start": (files(b"\x89PNG\r\n\x1a\n"), "expected a JPEG or PNG file"),
        "truncated": (files(good[:-200]), "JPEG"), "head": (files(good[:20]), "JPEG"),
        "torn": (files(png(photo(40, 40))[:300]), "PNG"), "bytes": (files(png(photo(60, 60))), "at most 9000 bytes"),
        "bomb": (files(bytes(bomb)), "at most 5000 pixels"), "wide": (files(png(huge)), "at most 5000 pixels"),
        "thin": (files(png(photo(2, 40))), "at least 16 pixels"), "deep": (files(deep.getvalue()), "8 bits per channel"),
        "cmyk": (files(cmyk.getvalue()), "found CMYK"), "one_bad": (files(good, b"no image"), "expected a JPEG or PNG"),
        "many_pixels": (huge[None], "at most 5000 pixels"), "few_pixels": (huge[None, :4], "at least 16 pixels"),
    }
    requests = {}
    for name, (request, _) in refused.items():
        requests |= {name: request, f"after_{name}": files(good)}
    answers = ask(**requests)
    for name, (_, says) in refused.items():
        assert says in str(answers[f"{name}/error"]), name
        assert answers[f"after_{name}/labels"].shape == (1, 64, 64)


def test_png_files_of_any_mode_are_read_as_everywhere(ask, predictor, tmp_path):
    paths = {str(mode): tmp_path / f"{mode}.png" for mode in (None, "L", "P", "RGBA", "LA", "1")}
    for mode, path in paths.items():
        path.write_bytes(png(photo(24, 31), None if mode == "None" else mode))
    answers = ask(**{mode: files(path.read_bytes()) for mode, path in paths.items()})
    for mode, path in paths.items():
        expected = predictor.probabilities(read_photo(path)).argmax(-1)
        np.testing.assert_array_equal(answers[f"{mode}/labels"][0], expected, err_msg=mode)


def test_tensorflows_own_tool_runs_a_batch(saved_model, predictor, tmp_path):
    images = np.stack([photo(32, 48), photo(32, 48)])
    np.save(tmp_path / "images.npy", images)
    tool = Path(sys.executable).with_name("saved_model_cli")
    subprocess.run([tool, "run", "--dir", saved_model, "--tag_set", "serve", "--signature_def", "pixels", "--inputs",
                    f"image={tmp_path / 'images.npy'}", "--outdir", tmp_path], check=True, capture_output=True, timeout=300)
    labels = np.load(tmp_path / "labels.npy")
    for image, found in zip(images, labels, strict=True):
        np.testing.assert_array_equal(found, predictor.probabilities(image).argmax(-1))


def test_classes_and_colours_travel_along(saved_model, masking_run):
    names = (saved_model / "assets" / "classes.txt").read_text().splitlines()
    assert tuple(names) == masking_run.experiment.dataset.class_names
    colours = (saved_model / "assets" / "palette.txt").read_text().splitlines()
    assert colours[:3] == ["0 0 0", "128 0 0", "0 128 0"] and len(colours) == len(names)
