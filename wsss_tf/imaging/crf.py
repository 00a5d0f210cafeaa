"""Fully connected CRF with Gaussian edges: sharpens class scores along colour edges.

Ref: Kraehenbuehl & Koltun, "Efficient Inference in Fully Connected CRFs with
Gaussian Edge Potentials", NIPS 2011.
"""

import dataclasses
import importlib.util

import numpy as np

from wsss_tf.config import setting
from wsss_tf.errors import InputError
from wsss_tf.imaging.permutohedral import Permutohedral

BACKENDS = ("auto", "pydensecrf", "lattice")
_MODULE = "pydensecrf"


@dataclasses.dataclass(frozen=True)
class CrfParams:
    """Strengths and widths of the two Potts kernels; the defaults are the set "authors"."""

    gauss_sxy: float = setting(3.0, "Width of the smoothness kernel, in pixels.")
    gauss_compat: float = setting(3.0, "Weight of the smoothness kernel.")
    bilateral_sxy: float = setting(80.0, "Width of the appearance kernel, in pixels.")
    bilateral_srgb: float = setting(13.0, "Width of the appearance kernel, in grey levels of each RGB channel.")
    bilateral_compat: float = setting(10.0, "Weight of the appearance kernel.")
    iterations: int = setting(10, "Mean-field updates.")

    def __post_init__(self):
        widths = (self.gauss_sxy, self.bilateral_sxy, self.bilateral_srgb)
        counts = (self.gauss_compat, self.bilateral_compat, self.iterations)
        if not (min(widths) > 0 and min(counts) >= 0):
            raise InputError(f"{self}: expected widths above 0, the rest at least 0: correct the CRF flags")


CRF_SETS: dict[str, CrfParams] = {
    # Widths and weights of the CRF authors' example, with the 10 iterations of SEC and DSRG at test time.
    "authors": CrfParams(3.0, 3.0, 80.0, 13.0, 10.0, 10),
    # The example itself, which runs 5.
    "authors_5": CrfParams(3.0, 3.0, 80.0, 13.0, 10.0, 5),
    # PSA, SEAM, EPS helper, SC-CAM, 1-stage: kernels of "authors", but scores with background that need not sum to 1.
    "psa": CrfParams(3.0, 3.0, 80.0, 13.0, 10.0, 10),
    # IRN, SIPE, AE-SIPE: hard labels with gt_prob 0.7 (unary_from_labels).
    "irn": CrfParams(3.0, 3.0, 50.0, 5.0, 10.0, 10),
    # DeepLab v2 test, EPS comparison.
    "deeplab": CrfParams(1.0, 3.0, 67.0, 3.0, 4.0, 10),
    # Superpixel ids as hard labels with gt_prob 0.7 (unary_from_labels).
    "superpixels": CrfParams(10.0, 10.0, 20.0, 5.0, 10.0, 20),
    # SEC and DSRG training on 41x41 maps: "authors" at 1/12 scale; 5 iterations as in both TensorFlow ports (Caffe: 10).
    "sec_training": CrfParams(3 / 12, 3.0, 80 / 12, 13.0, 10.0, 5),
}


def dense_crf(unary: np.ndarray, image: np.ndarray, params: CrfParams, backend: str = "auto") -> np.ndarray:
    """Mean-field marginals of the CRF.

    Starts from Q = softmax(-unary) and repeats
    Q_i = softmax(-unary_i + sum over kernels of compat n_i sum_j k_ij n_j Q_j),
    n_i = (sum_j k_ij)^-1/2, where j = i counts.

    Args:
      unary: float [H, W, L] energies (low = likely), finite.
      image: uint8 [H, W, 3] RGB.
      params: kernels and iterations.
      backend: "pydensecrf" (the C++ package), "lattice" (NumPy and SciPy) or
        "auto": pydensecrf where it is installed, else lattice.

    Returns:
      float32 [H, W, L], sums to 1 over L.

    Raises:
      ValueError: a shape, dtype or backend that the caller got wrong.
      InputError: NaN or infinite energies, or pydensecrf is asked for but missing.
    """
    _check(unary, image)
    require_backend(backend)
    height, width, labels = unary.shape
    if labels == 1:
        return np.ones([height, width, 1], np.float32)
    energies = np.ascontiguousarray(unary, np.float32).reshape(-1, labels)
    solve = _by_pydensecrf if _installed() and backend != "lattice" else _by_lattice
    return solve(energies, image, params).reshape(height, width, labels)


def require_backend(backend: str) -> None:
    """Makes sure that the back end is there.

    Raises:
      ValueError: there is none of this name.
      InputError: pydensecrf is asked for but missing.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, found {backend!r}")
    if backend == "pydensecrf" and not _installed():
        raise InputError("CRF backend pydensecrf: expected the package, found none: "
                         "pip install pydensecrf2, or choose the backend lattice")


def refine_probabilities(
    prob: np.ndarray, image: np.ndarray, params: CrfParams, backend: str = "auto", min_prob: float = 1e-3
) -> np.ndarray:
    """CRF marginals of a softmax, computed only over the classes that occur.

    A class below min_prob at every pixel is left out and gets 0; time falls
    with the number of classes. Such a class can never win: gains are not
    negative, so its marginal q obeys q' <= min_prob exp(W q) at every update,
    where W, the largest gain of a constant field 1, was at most 17 on photos;
    with 1e-3 that keeps q below 1.02e-3. The other marginals shift by about as much and
    more at ties: over 180 runs on photos with 21 classes (authors, irn, deeplab) at most
    1 pixel of 68160 changed its arg-max. min_prob 0 leaves no class out.

    Args:
      prob: float [H, W, L] probabilities that sum to 1 over L.
      image: uint8 [H, W, 3] RGB.
      params: kernels and iterations.
      backend: as in dense_crf.
      min_prob: classes that stay below it everywhere are left out.

    Returns:
      float32 [H, W, L], sums to 1 over L.
    """
    _check(prob, image)
    peak = prob.max(axis=(0, 1))
    kept = peak >= min(min_prob, peak.max())
    refined = np.zeros(prob.shape, np.float32)
    refined[..., kept] = dense_crf(unary_from_softmax(prob[..., kept]), image, params, backend)
    return refined


def unary_from_softmax(prob: np.ndarray) -> np.ndarray:
    """Energies -log p of probabilities or scores [H, W, L], float32; p is clipped to 1e-5..1, not normalised."""
    return -np.log(np.clip(prob, 1e-5, 1).astype(np.float32))


def unary_from_labels(labels: np.ndarray, num_labels: int, gt_prob: float) -> np.ndarray:
    """Energies of hard labels: -log gt_prob at the label, the rest shared evenly by the others.

    Args:
      labels: integer [H, W], each in 0..num_labels-1; every pixel is sure
        (0 is a label like any other).
      num_labels: number L of labels.
      gt_prob: trust in the labels, above 0 and below 1.

    Returns:
      float32 [H, W, L].
    """
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels: expected integer [H, W], found {labels.dtype} {list(labels.shape)}")
    if labels.size and not 0 <= labels.min() <= labels.max() < num_labels:
        raise ValueError(f"labels: expected 0..{num_labels - 1}, found {labels.min()}..{labels.max()}")
    if not 0 < gt_prob < 1:
        raise ValueError(f"gt_prob: expected a number between 0 and 1, found {gt_prob}")
    others = -np.log((1 - gt_prob) / max(num_labels - 1, 1))
    return np.where(np.arange(num_labels) == labels[..., None], -np.log(gt_prob), others).astype(np.float32)


def _check(scores: np.ndarray, image: np.ndarray) -> None:
    if scores.ndim != 3 or 0 in scores.shape or scores.dtype.kind != "f":
        found = f"{scores.dtype} {list(scores.shape)}"
        raise ValueError(f"class scores: expected float [H, W, L], none of them 0, found {found}")
    if image.dtype != np.uint8 or image.shape != (*scores.shape[:2], 3):
        found = f"{image.dtype} {list(image.shape)}"
        raise ValueError(f"image: expected uint8 {[*scores.shape[:2], 3]} as the class scores, found {found}")
    if not np.isfinite(scores).all():
        raise InputError("CRF class scores: expected finite numbers, found NaN or infinity: "
                         "the network that made the scores has diverged; retrain it with a lower learning rate")


def _installed() -> bool:
    return importlib.util.find_spec(_MODULE) is not None


def _by_pydensecrf(energies: np.ndarray, image: np.ndarray, params: CrfParams) -> np.ndarray:
    from pydensecrf import densecrf  # optional and compiled: only where it is asked for

    height, width = image.shape[:2]
    crf = densecrf.DenseCRF2D(width, height, energies.shape[1])
    crf.setUnaryEnergy(np.array(energies.T, order="C"))  # copies: the package refuses read-only arrays
    kernel = {"kernel": densecrf.DIAG_KERNEL, "normalization": densecrf.NORMALIZE_SYMMETRIC}
    crf.addPairwiseGaussian(sxy=params.gauss_sxy, compat=params.gauss_compat, **kernel)
    crf.addPairwiseBilateral(sxy=params.bilateral_sxy, srgb=params.bilateral_srgb, compat=params.bilateral_compat,
                             rgbim=np.array(image, order="C"), **kernel)
    return np.ascontiguousarray(np.array(crf.inference(params.iterations), np.float32).T)


def _by_lattice(energies: np.ndarray, image: np.ndarray, params: CrfParams) -> np.ndarray:
    kernels = [
        _Kernel(_positions(image, params.gauss_sxy), params.gauss_compat),
        _Kernel(np.hstack([_positions(image, params.bilateral_sxy), _colours(image, params.bilateral_srgb)]),
                params.bilateral_compat),
    ]
    marginals = _softmax(-energies)
    for _ in range(params.iterations):
        scores = -energies
        for kernel in kernels:
            scores += kernel.message(marginals)
        marginals = _softmax(scores)
    return marginals


class _Kernel:
    """One Potts kernel, symmetrically normalised."""

    def __init__(self, features: np.ndarray, compat: float):
        self._lattice = Permutohedral(features)
        mass = self._lattice.filter(np.ones([len(features), 1], np.float32))
        self._norm = 1 / np.sqrt(mass + np.float32(1e-20))
        self._scale = np.float32(compat) * self._norm

    def message(self, marginals: np.ndarray) -> np.ndarray:
        """What each label gains at each pixel from equal labels elsewhere, float32 [N, L]."""
        gain = self._lattice.filter(self._norm * marginals)
        gain *= self._scale
        return gain


def _positions(image: np.ndarray, width: float) -> np.ndarray:
    """(x, y) of each pixel in units of `width`, float32 [N, 2]."""
    rows, columns = np.indices(image.shape[:2], np.float32)
    return np.stack([columns.ravel(), rows.ravel()], axis=1) / np.float32(width)


def _colours(image: np.ndarray, width: float) -> np.ndarray:
    """(r, g, b) of each pixel in units of `width`, float32 [N, 3]."""
    return image.reshape(-1, 3).astype(np.float32) / np.float32(width)


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Softmax over the last axis of float32 [N, L]."""
    by_label = np.ascontiguousarray(scores.T)  # reductions over a short last axis are five times slower
    by_label -= by_label.max(axis=0)
    np.exp(by_label, out=by_label)
    by_label /= by_label.sum(axis=0)
    return np.ascontiguousarray(by_label.T)
