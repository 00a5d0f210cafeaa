"""Superpixel discovery from patch features (thesis Table 3.1).

A patch is linked to another if their features point to the same side
(similarity above 0). The patch with the fewest links left becomes a seed and
takes with it every remaining patch more similar to it than tau.
"""

import numpy as np

from wsss_tf.superpixels.settings import ORDERS

LOW_FIRST, HIGH_FIRST = ORDERS

TINY = 1e-12  # keeps a feature of zeros, which is similar to nothing, from becoming nan


def discover(features: np.ndarray, tau: float, order: str = LOW_FIRST) -> np.ndarray:
    """Superpixels of one image, in the order of their discovery.

    The similarity matrix is the cost: the links of what is taken away are
    subtracted from the degrees, so all rounds together read it about once.

    Args:
      features: float32 [N, D], one row per patch in raster order, any length.
      tau: similarity above which a patch joins a seed, -1..1.
      order: "low_first" (thesis) takes the patch with the fewest links as the
        next seed, "high_first" the one with the most; ties go to the first
        patch.

    Returns:
      int32 [N] superpixel ids; 0 was found first.

    Ref: thesis Table 3.1.
    """
    similarity = _similarity(features)
    links = _links(similarity)
    step = 1 if order == LOW_FIRST else -1
    degrees = step * np.count_nonzero(links, axis=1).astype(np.float32)
    ids = np.full(len(features), -1, np.int32)
    found = 0
    while (ids < 0).any():
        seed = int(degrees.argmin())
        members = (ids < 0) & (similarity[seed] > tau)
        members[seed] = True  # its similarity to itself may round to below a tau of 1
        ids[members] = found
        degrees -= step * np.count_nonzero(links[members], axis=0)
        degrees[members] = np.inf
        found += 1
    return ids


def positiveness(features: np.ndarray) -> np.ndarray:
    """Share of all patches that each patch is linked to: float32 [N, D] -> float32 [N] in 0..1.

    It is the degree that orders the discovery, before anything is taken away;
    negativeness is 1 minus it.

    Ref: our reading of thesis Fig. 3.14, whose text gives no formula.
    """
    return _links(_similarity(features)).mean(axis=1, dtype=np.float32)


def _similarity(features: np.ndarray) -> np.ndarray:
    """Cosines between all patches: float32 [N, N]."""
    unit = features / (np.linalg.norm(features, axis=1, keepdims=True) + TINY)
    return unit @ unit.T


def _links(similarity: np.ndarray) -> np.ndarray:
    """Which patches point to the same side: bool [N, N]."""
    return similarity > 0
