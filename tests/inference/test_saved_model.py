"""The SavedModel: right without this package, polite to broken files, readable by TensorFlow's own tools."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.files.images import read_labels, read_photo

RNG = np.random.default_rng(0)

# Runs where neither this package nor Keras can be imported, in 1 GiB of its own; reads requests, writes answers. Requests
# whose names begin with "status" ask for a status of each image.
CLIENT = """
import resource, sys, time
sys.modules["wsss_tf"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
requests = np.load(sys.argv[2])
answers = {}
with open("/proc/self/statm") as file:
    limit = int(file.read().split()[0]) * resource.getpagesize() + (1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for name in requests.files:
    files = requests[name].dtype.kind == "S" or not requests[name].size
    signature = "with_status" if name.startswith("status") else "serving_default" if files else "pixels"
    values = tf.constant([bytes.fromhex(value.decode()) for value in requests[name]], tf.string) if files else requests[name]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    try:
        result = model.signatures[signature](**{"image_bytes" if files else "image": values})
        answers |= {f"{name}/{part}": value.numpy().astype("S") if value.dtype == tf.string else value.numpy()
                    for part, value in result.items()}
    except tf.errors.InvalidArgumentError as error:
        answers[f"{name}/error"] = np.array(error.message)
    answers[f"{name}/seconds"] = time.monotonic() - began
    answers[f"{name}/mebibytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
np.savez(sys.argv[3], **answers)
"""


def files(*contents: bytes) -> np.ndarray:
    """Image files as a request: hexadecimal, because NumPy drops zeros at the end of bytes."""
    return np.array([content.hex().encode() for content in contents])


def png(pixels: np.ndarray, mode: str | None = None, kind: str = "PNG") -> bytes:
    image, file = Image.fromarray(pixels), io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind)
    return file.getvalue()


def photo(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, [height, width, 3], np.uint8)


@pytest.fixture(scope="module")
def saved_model(tiny, masking_run) -> Path:
    """The net of the tiny masking run, refusing more than 9,000 bytes, 5,000 pixels, or 20,000 of a batch."""
    from wsss_tf.inference.saved_model import VERSION

    experiment = tiny("--experiment=tiny_export", "--reuse=tiny_masking", "--test_flip", "--test_scales=1,0.5",
                      "--export_max_bytes=9000", "--export_max_pixels=5000", "--export_max_batch_pixels=20000")
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
        "torn": (files(png(photo(40, 40))[:300]), "PNG"), "webp": (files(png(photo(20, 20), kind="WEBP")), "JPEG or PNG"),
        "bytes": (files(png(photo(60, 60))), "at most 9000 bytes"),
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


def test_nothing_is_decoded_that_is_refused(ask):
    """2.5 kB of JPEG that declare 12 million pixels took 7 seconds and 4 GB, 150 million ended the process."""
    good = png(photo(20, 20))
    large = [png(np.zeros(sides, np.uint8), kind="JPEG")[:8900] for sides in ((3000, 4000), (8000, 19999))]
    requests = {"first": files(good), "status_first": files(good), "large": files(large[0]), "giant": files(large[1]),
                "behind": files(good, good, large[0]), "status_large": files(large[0], good)}
    answers = ask(**requests)
    for name, words in (("large", "image 0: expected an image of at most 5000 pixels, found (height, width) [3000 4000]"),
                        ("giant", "image 0: expected an image of at most 5000 pixels, found (height, width) [8000 19999]"),
                        ("behind", "image 2: expected an image of at most 5000 pixels")):
        assert words in str(answers[f"{name}/error"])
    for name in ("large", "giant", "behind", "status_large"):
        assert answers[f"{name}/seconds"] < 1 and answers[f"{name}/mebibytes"] < 30, name


def test_filling_up_multiplies_no_memory(ask):
    """One 1000x1000 and forty 16x16 images, 48 kB, made an answer of 1.1 GB."""
    small, wide, high = (png(np.zeros([*sides, 3], np.uint8)) for sides in ((16, 16), (16, 300), (300, 16)))
    answers = ask(wide_and_high=files(wide, high), status_wide_and_high=files(wide, high), few=files(wide, small, small),
                  many=files(*[small] * 5, wide), status_many=files(wide, *[small] * 5), fit=files(*[small] * 78),
                  pixels=np.zeros([79, 16, 16, 3], np.uint8))
    says = "expected at most 20000 pixels in all images filled up to the largest, found"
    assert f"image 1: {says} 2 images and (height, width) [300 16]" in str(answers["wide_and_high/error"])
    assert f"image 5: {says} 6 images and (height, width) [16 300]" in str(answers["many/error"])
    assert f"image 0: {says} 79 images and (height, width) [16 16]" in str(answers["pixels/error"])
    assert answers["few/labels"].shape == (3, 16, 300) and answers["fit/labels"].shape == (78, 16, 16)
    assert answers["status_wide_and_high/labels"].shape == (2, 16, 300)
    statuses = answers["status_many/status"].tolist()
    assert says.encode() in statuses[0] and statuses[1:] == [b""] * 5 and answers["status_many/labels"].shape == (6, 16, 16)


def test_one_bad_image_fails_alone_where_a_status_is_asked_for(ask, predictor):
    first, last = photo(20, 33), photo(40, 18)
    bad = [b"no image", png(photo(40, 40))[:300], b"", png(photo(20, 20), "CMYK", "JPEG"), png(photo(99, 99)[:, :60])]
    answers = ask(status=files(png(first), *bad, png(last)), status_all=files(*bad))
    statuses = [text.decode() for text in answers["status/status"]]
    assert statuses[0] == statuses[-1] == ""
    for status, words in zip(statuses[1:-1], ("JPEG or PNG file", "a whole", "JPEG or PNG file", "CMYK", "5000 pixels|9000 bytes")):
        assert re.search(words, status), status
    assert answers["status/sizes"].tolist() == [[20, 33], *[[0, 0]] * 5, [40, 18]]
    assert answers["status/labels"].shape == (7, 40, 40)
    for index, image in ((0, first), (6, last)):
        height, width = image.shape[:2]
        expected = predictor.probabilities(image)
        np.testing.assert_array_equal(answers["status/labels"][index, :height, :width], expected.argmax(-1))
        np.testing.assert_allclose(answers["status/probabilities"][index, :height, :width], expected, atol=1e-6)
    assert (answers["status/labels"][1:-1] == 255).all() and not answers["status/probabilities"][1:-1].any()
    assert all(answers["status_all/status"]) and (answers["status_all/labels"] == 255).all()


def test_the_first_bad_image_is_named_by_its_index(ask):
    good = png(photo(20, 20))
    answers = ask(header=files(good, good, b"x", b""), rest=files(good, png(photo(40, 40))[:300], good))
    assert "image 2: expected a JPEG or PNG file" in str(answers["header/error"])
    assert "image 1: expected a whole JPEG or PNG file, found a damaged one" in str(answers["rest/error"])


def test_a_batch_of_nothing_is_answered_with_nothing(ask, saved_model):
    classes = len((saved_model / "assets" / "classes.txt").read_text().splitlines())
    answers = ask(none=files(), status_none=files())
    for name in ("none", "status_none"):
        assert answers[f"{name}/labels"].shape == (0, 0, 0) and answers[f"{name}/probabilities"].shape == (0, 0, 0, classes)
        assert answers[f"{name}/sizes"].shape == (0, 2)
    assert answers["status_none/status"].shape == (0,)


def test_no_pixels_are_answered_with_none(saved_model):
    import tensorflow as tf

    answer = tf.saved_model.load(saved_model).signatures["pixels"](image=tf.zeros([0, 20, 30, 3], tf.uint8))
    assert answer["labels"].shape == (0, 20, 30) and answer["probabilities"].shape[:3] == (0, 20, 30)


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
