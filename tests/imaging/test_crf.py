"""The dense CRF against golden marginals, pydensecrf and its own promises."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from wsss_tf.errors import InputError
from wsss_tf.imaging.crf import (
    CRF_SETS,
    CrfParams,
    dense_crf,
    refine_probabilities,
    unary_from_labels,
    unary_from_softmax,
)

GOLDEN_SETS = {"psa": "authors", "seam_vis_t1": None, "irn_label": "irn", "deeplab": "deeplab", "sec_train": "sec_training"}


SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[2] / ".." / "shared"))
PHOTOS = SHARED / "data/msrc_objects/JPEGImages"
WITHOUT = pytest.mark.skipif(not importlib.util.find_spec("pydensecrf"), reason="pydensecrf is not installed")
BACKENDS = ["lattice", pytest.param("pydensecrf", marks=WITHOUT)]


def _synthetic_photo(rng: np.random.Generator, height: int = 96, width: int = 128) -> np.ndarray:
    """Flat colour regions with ragged borders, shading and grain, uint8 [H, W, 3]."""
    regions = ndimage.gaussian_filter(rng.normal(size=[height, width, 6]), (9, 9, 0)).argmax(axis=2)
    shading = ndimage.gaussian_filter(rng.normal(size=[height, width, 3]), (15, 15, 0)) * 600
    grain = ndimage.gaussian_filter(rng.normal(size=[height, width, 3]), (0.7, 0.7, 0)) * 12
    return np.clip(rng.uniform(20, 235, [6, 3])[regions] + shading + grain, 0, 255).astype(np.uint8)


def _coarse_softmax(rng: np.random.Generator, height: int, width: int, labels: int) -> np.ndarray:
    """Class scores as networks give them: 16-pixel blocks plus smooth noise, float32 [H, W, L]."""
    rows, columns = -(-height // 16), -(-width // 16)
    coarse = ndimage.gaussian_filter(rng.normal(size=[rows, columns, labels]), (1, 1, 0)) * 6
    scores = coarse.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]
    scores = scores + ndimage.gaussian_filter(rng.normal(size=[height, width, labels]), (3, 3, 0)) * 8
    odds = np.exp(scores - scores.max(axis=2, keepdims=True))
    return (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32)


def _agreement(first: np.ndarray, second: np.ndarray) -> float:
    return float((first.argmax(axis=2) == second.argmax(axis=2)).mean())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GOLDEN_SETS)
def test_marginals_are_the_golden_ones(golden, name, backend):
    """Those of the compiled package, pixel by pixel; and near the sum over all pairs, which the lattice only approximates."""
    recorded = golden("dense_crf")
    settings = recorded["cfg_" + name]
    params = CrfParams(*settings[:5].tolist(), int(settings[5]))
    if GOLDEN_SETS[name]:
        assert params == CRF_SETS[GOLDEN_SETS[name]]
    unary = recorded["unary_" + name].reshape(-1, *recorded["img"].shape[:2]).transpose(1, 2, 0)
    marginals = dense_crf(unary, recorded["img"], params, backend)
    if "Q_" + name in recorded:
        expected = recorded["Q_" + name].transpose(1, 2, 0)
        np.testing.assert_allclose(marginals, expected, rtol=0, atol=1e-4)
        assert _agreement(marginals, expected) == 1
    else:
        np.testing.assert_array_equal(marginals.argmax(axis=2), recorded["argmax_" + name])
    exact = recorded["exact_" + name].transpose(1, 2, 0)
    assert _agreement(marginals, exact) >= 0.986 and np.abs(marginals - exact).mean() < 0.007


@pytest.mark.parametrize("backend", BACKENDS)
def test_superpixel_set_gives_the_golden_ids(golden, backend):
    recorded = golden("thesis_superpixel")
    ids = recorded["upsampled_tau03"]
    unary = unary_from_labels(ids, int(ids.max()) + 1, 0.7)
    refined = dense_crf(unary, recorded["image"], CRF_SETS["superpixels"], backend).argmax(axis=2)
    np.testing.assert_array_equal(refined, recorded["crf_tau03"])


def test_unaries_are_the_golden_ones(golden):
    golden = golden("dense_crf")
    height, width = golden["label"].shape
    from_prob = unary_from_softmax(golden["prob"].transpose(1, 2, 0))
    np.testing.assert_allclose(from_prob.reshape(-1, 4).T, golden["unary_psa"], rtol=1e-5, atol=1e-6)
    from_labels = unary_from_labels(golden["label"], 4, 0.7)
    assert from_labels.shape == (height, width, 4)
    np.testing.assert_allclose(from_labels.reshape(-1, 4).T, golden["unary_irn_label"], rtol=1e-5)


@pytest.mark.parametrize("name, photos", [("authors", 20), ("irn", 4), ("deeplab", 4), ("sec_training", 4)])
def test_back_ends_agree_on_photos(name, photos):
    pytest.importorskip("pydensecrf")
    if not PHOTOS.is_dir():
        pytest.skip(f"{PHOTOS} is absent: set WSSS_SHARED to the folder of the benchmark data")
    files = sorted(PHOTOS.glob("*.jpg"))
    rng = np.random.default_rng(0)
    for index, file in enumerate(files[:: len(files) // photos][:photos]):
        with Image.open(file) as photo:
            image = np.asarray(photo.convert("RGB"))
        unary = unary_from_softmax(_coarse_softmax(rng, *image.shape[:2], 3 + index % 3))
        ours, theirs = (dense_crf(unary, image, CRF_SETS[name], backend) for backend in ("lattice", "pydensecrf"))
        assert _agreement(ours, theirs) >= 0.999, file.name
        assert np.abs(ours - theirs).mean() < 1e-4, file.name


@pytest.mark.parametrize("name", CRF_SETS)
def test_back_ends_agree_on_synthetic_photos(name):
    pytest.importorskip("pydensecrf")
    rng = np.random.default_rng(1)
    for labels in (2, 3, 5):
        image = _synthetic_photo(rng)
        unary = unary_from_softmax(_coarse_softmax(rng, 96, 128, labels))
        ours, theirs = (dense_crf(unary, image, CRF_SETS[name], backend) for backend in ("lattice", "pydensecrf"))
        assert _agreement(ours, theirs) >= 0.999
        np.testing.assert_allclose(ours, theirs, atol=0.02)


def test_pulls_a_coarse_border_to_the_colour_edge():
    image = np.full([48, 64, 3], 40, np.uint8)
    image[:, 35:] = 200
    prob = np.full([48, 64, 2], 0.3, np.float32)
    prob[:, :28, 0] = prob[:, 28:, 1] = 0.7
    refined = dense_crf(unary_from_softmax(prob), image, CRF_SETS["authors"], "lattice").argmax(axis=2)
    np.testing.assert_array_equal(refined, (image[..., 0] > 100).astype(int))


def test_labels_are_interchangeable():
    rng = np.random.default_rng(2)
    image, unary = _synthetic_photo(rng), unary_from_softmax(_coarse_softmax(rng, 96, 128, 4))
    order = [2, 0, 3, 1]
    swapped = dense_crf(unary[..., order], image, CRF_SETS["authors"], "lattice")
    np.testing.assert_allclose(swapped, dense_crf(unary, image, CRF_SETS["authors"], "lattice")[..., order], atol=1e-4)


@pytest.mark.parametrize("backend", ["lattice", "pydensecrf"])
@pytest.mark.parametrize("height, width", [(16, 16), (1, 1), (3, 50)])
@pytest.mark.parametrize("labels", [1, 2, 7])
def test_tiny_images(backend, height, width, labels):
    if backend == "pydensecrf":
        pytest.importorskip("pydensecrf")
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, [height, width, 3], np.uint8)
    unary = rng.random([height, width, labels]).astype(np.float32)
    image.flags.writeable = unary.flags.writeable = False  # as decoders hand them out
    marginals = dense_crf(unary, image, CRF_SETS["authors"], backend)
    assert marginals.shape == unary.shape and marginals.dtype == np.float32
    np.testing.assert_allclose(marginals.sum(axis=2), 1, atol=1e-5)


def test_no_iterations_give_the_softmax():
    rng = np.random.default_rng(4)
    prob = _coarse_softmax(rng, 32, 48, 3)
    marginals = dense_crf(-np.log(prob), _synthetic_photo(rng, 32, 48), CrfParams(iterations=0), "lattice")
    np.testing.assert_allclose(marginals, prob, atol=1e-5)


def test_large_energies_do_not_overflow():
    rng = np.random.default_rng(5)
    unary = rng.choice(np.float32([-1e4, 0, 1e4]), [16, 16, 3])
    marginals = dense_crf(unary, _synthetic_photo(rng, 16, 16), CRF_SETS["authors"], "lattice")
    assert np.isfinite(marginals).all()


def test_refining_leaves_out_absent_classes_only():
    rng = np.random.default_rng(6)
    image, prob = _synthetic_photo(rng), np.full([96, 128, 9], 1e-4, np.float32)
    present = [1, 4, 8]
    prob[..., present] = _coarse_softmax(rng, 96, 128, 3) * (1 - 6e-4)
    refined = refine_probabilities(prob, image, CRF_SETS["authors"], "lattice")
    everything = dense_crf(unary_from_softmax(prob), image, CRF_SETS["authors"], "lattice")
    assert _agreement(refined, everything) >= 0.9999
    np.testing.assert_allclose(refined, everything, atol=0.01)
    assert set(np.flatnonzero(refined.any(axis=(0, 1)))) == set(present)
    kept_all = refine_probabilities(prob, image, CRF_SETS["authors"], "lattice", min_prob=0)
    np.testing.assert_array_equal(kept_all, everything)


def test_refining_one_certain_class():
    prob = np.zeros([16, 16, 3], np.float32)
    prob[..., 2] = 1
    refined = refine_probabilities(prob, np.zeros([16, 16, 3], np.uint8), CRF_SETS["authors"], "lattice")
    np.testing.assert_array_equal(refined, prob)


def test_label_unary_by_hand():
    unary = unary_from_labels(np.array([[0, 2]], np.uint8), 3, 0.7)
    others = -np.log(0.15)
    np.testing.assert_allclose(unary[0], [[-np.log(0.7), others, others], [others, others, -np.log(0.7)]], rtol=1e-6)
    np.testing.assert_allclose(unary_from_softmax(np.array([[[0.0, 2.0]]])), [[[-np.log(1e-5), 0]]], atol=1e-6)
    assert unary_from_labels(np.zeros([2, 2], int), 1, 0.7).shape == (2, 2, 1)


@pytest.mark.parametrize("labels, num_labels, gt_prob", [
    (np.array([[3]]), 3, 0.7), (np.array([[-1]]), 3, 0.7), (np.array([[0.0]]), 3, 0.7), (np.array([0]), 3, 0.7),
    (np.array([[0]]), 3, 1.0), (np.array([[0]]), 3, 0.0),
])
def test_label_unary_rejects_nonsense(labels, num_labels, gt_prob):
    with pytest.raises(ValueError, match="expected"):
        unary_from_labels(labels, num_labels, gt_prob)


IMAGE, UNARY = np.zeros([16, 20, 3], np.uint8), np.zeros([16, 20, 2], np.float32)


@pytest.mark.parametrize("unary, image", [
    (UNARY[..., 0], IMAGE), (UNARY[..., :0], IMAGE), (UNARY.astype(int), IMAGE), (UNARY[:15], IMAGE),
    (UNARY.transpose(2, 0, 1), IMAGE), (UNARY, IMAGE[..., :1]), (UNARY, IMAGE.astype(np.float32)),
    (UNARY, IMAGE[..., 0]),
])
def test_rejects_wrong_arrays(unary, image):
    for solve in (dense_crf, refine_probabilities):
        with pytest.raises(ValueError, match="expected"):
            solve(unary, image, CRF_SETS["authors"], "lattice")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rejects_scores_that_are_not_finite(bad):
    unary = UNARY.copy()
    unary[3, 4, 1] = bad
    for solve in (dense_crf, refine_probabilities):
        with pytest.raises(InputError, match="diverged"):
            solve(unary, IMAGE, CRF_SETS["authors"], "lattice")


def test_unknown_backend():
    with pytest.raises(ValueError, match="auto, pydensecrf, lattice"):
        dense_crf(UNARY, IMAGE, CRF_SETS["authors"], "gpu")


def test_without_pydensecrf(monkeypatch):
    rng = np.random.default_rng(7)
    image, unary = _synthetic_photo(rng, 16, 20), rng.random([16, 20, 2]).astype(np.float32)
    expected = dense_crf(unary, image, CRF_SETS["authors"], "lattice")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pydensecrf2"):
        dense_crf(unary, image, CRF_SETS["authors"], "pydensecrf")
    np.testing.assert_array_equal(dense_crf(unary, image, CRF_SETS["authors"], "auto"), expected)


@pytest.mark.parametrize("wrong", [
    {"gauss_sxy": 0.0}, {"bilateral_sxy": -1.0}, {"bilateral_srgb": 0.0}, {"iterations": -1}, {"gauss_compat": -3.0},
])
def test_rejects_wrong_parameters(wrong):
    with pytest.raises(InputError, match="correct the CRF flags"):
        CrfParams(**wrong)


def test_the_sets():
    assert list(CRF_SETS) == ["authors", "authors_5", "psa", "irn", "deeplab", "superpixels", "sec_training"]
    assert CRF_SETS["authors"] == CRF_SETS["psa"] == CrfParams()
    assert CRF_SETS["authors_5"] == CrfParams(iterations=5)
    assert CRF_SETS["superpixels"] == CrfParams(10.0, 10.0, 20.0, 5.0, 10.0, 20)
