"""Superpixels by recursive normalised cuts, the baseline of the discovery (thesis eqs 3.13-3.15)."""

import numpy as np
import scipy.linalg

DENSE, LANCZOS = "dense", "lanczos"
SOLVERS = (DENSE, LANCZOS)

_WEAK = 1e-5  # weight between patches that are not alike; no eigenvalue but the first is smaller
_TINY = 1e-12  # keeps a feature of zeros, which is similar to nothing, from becoming nan
_SAME = 1e-9  # eigenvalues (-1..1) closer than this are one
_AT_MEAN = 1e-6  # share of the largest distance from the mean that counts as none
_CONVERGED = 1e-15  # residual of an eigenvector of a matrix of norm 1
_FEW = 8  # steps between two looks at the residual


def ncut(features: np.ndarray, tau: float, solver: str = LANCZOS) -> np.ndarray:
    """Superpixels of one image, in the order in which they are cut off.

    Patches more similar than tau are joined by weight 1, others by 1e-5. The
    graph is split at the mean of y, the eigenvector of the second smallest
    eigenvalue of (D - W) y = lambda D y; the smaller part is a superpixel, and
    the rest is split again until all that remains is alike (A3-20).

    Where that leaves a choice, both solvers take the same one:
      * If the eigenvalue is multiple (equal cliques, patches without links),
        any vector of its space is a solution, of either sign. Taken is the one
        nearest to the indicator of the patch with the most links, the first of
        equals, so of equal cliques one is cut off at a time. Where that patch
        has no part in the space, fixed noise decides.
      * Patches at the mean to 6 digits (symmetric graphs) count as below it.
      * Of two equal parts the one with the first patch is the superpixel.

    The two partitions can differ only where double precision ends: if the gap to
    the next eigenvalue is 1e-9, or if a patch is 1e-6 of the largest distance
    away from the mean, both give or take their rounding.

    Args:
      features: float32 [N, D], one row per patch in raster order, any length.
      tau: similarity above which two patches are alike, -1..1.
      solver: "dense" reduces the whole matrix in every round, as published;
        "lanczos" only multiplies by it, which is faster.

    Returns:
      int32 [N] superpixel ids; 0 was cut off first.

    Raises:
      ValueError: a solver that does not exist.

    Ref: thesis eqs 3.13-3.15; Shi & Malik, "Normalized Cuts and Image
    Segmentation", PAMI 2000.
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver: expected one of {', '.join(SOLVERS)}, found {solver!r}")
    unit = features / (np.linalg.norm(features, axis=1, keepdims=True) + _TINY)
    weights = np.where(unit @ unit.T > tau, 1.0, _WEAK)
    np.fill_diagonal(weights, 1)
    ids, rest, found = np.empty(len(features), np.int32), np.arange(len(features)), 0
    while weights.size and weights.min() < 1:
        part = _smaller_part(weights, solver)
        ids[rest[part]] = found
        rest, weights, found = rest[~part], weights[np.ix_(~part, ~part)], found + 1
    ids[rest] = found
    return ids


def _smaller_part(weights: np.ndarray, solver: str) -> np.ndarray:
    """One cut of float64 [n, n] weights: bool [n], True in the smaller part."""
    heights = _second_eigenvector(weights, solver)
    heights -= heights.mean()
    above = heights > _AT_MEAN * abs(heights).max()
    twice = 2 * np.count_nonzero(above)
    return above if twice < len(above) or (twice == len(above) and above[0]) else ~above


def _second_eigenvector(weights: np.ndarray, solver: str) -> np.ndarray:
    """y of the second smallest eigenvalue of (D - W) y = lambda D y, float64 [n].

    That is z / sqrt(D) with z of the second largest eigenvalue of the symmetric
    D^-1/2 W D^-1/2, whose first eigenvector is known to be sqrt(D).
    """
    root = np.sqrt(weights.sum(axis=1))
    # The noise decides where the patch with the most links is no part of the eigenvector. It turns no other decision:
    # one of n equal cliques stands out by 1, the others lie 1 / n below the mean.
    wanted = 1e-4 * np.random.default_rng(0).random(len(weights))
    wanted[np.count_nonzero(weights == 1, axis=1).argmax()] += 1
    matrix = weights / root / root[:, None]
    vector = _dense(matrix, wanted) if solver == DENSE else _lanczos(matrix, wanted, root / np.linalg.norm(root))
    return vector / root


def _dense(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Projection of `wanted` on the space of the second largest eigenvalue, from all eigenvectors.

    LAPACK's drivers for a few of them take two thirds of the time and fail at multiple eigenvalues.
    """
    values, vectors = scipy.linalg.eigh(matrix, driver="evd")
    space = vectors[:, :-1][:, values[:-1] > values[-2] - _SAME]
    return space @ (space.T @ wanted)


def _lanczos(matrix: np.ndarray, wanted: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The same by products with the matrix alone; `first` is the eigenvector of the largest eigenvalue.

    The products span, of each eigenspace, just the projection of the vector they
    start from: a multiple eigenvalue needs no search. That holds as long as each
    new vector is made orthogonal to all former ones; rounding would bring in the
    rest of the space.
    """
    size = len(matrix)
    basis = np.empty([size, size])  # rows that are not reached take no memory
    basis[0] = first
    along, across = [], []  # the matrix in this basis, without `first`: its diagonal and the one beside it
    vector = wanted
    for steps in range(size):
        for _ in range(2):  # the second round takes away what rounding left of the first
            vector = vector - basis[: steps + 1].T @ (basis[: steps + 1] @ vector)
        length = np.linalg.norm(vector)
        last = steps == size - 1 or length < _CONVERGED
        if last or (steps and steps % _FEW == 0):
            values, vectors = scipy.linalg.eigh_tridiagonal(along, across[1:])
            same = values > values[-1] - _SAME
            if last or length * abs(vectors[-1, same]).max() < _CONVERGED:
                break
        basis[steps + 1] = vector / length
        vector = matrix @ basis[steps + 1]
        along.append(basis[steps + 1] @ vector)
        across.append(length)
    return (vectors[:, same] @ vectors[0, same]) @ basis[1 : steps + 1]
