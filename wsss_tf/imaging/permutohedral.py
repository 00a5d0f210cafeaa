"""High-dimensional Gaussian filtering on the permutohedral lattice.

Ref: Adams, Baek, Davis, "Fast High-Dimensional Filtering Using the
Permutohedral Lattice", Eurographics 2010.

The sum out_i = sum_j exp(-|f_i - f_j|^2 / 2) v_j over all pairs costs O(N^2).
The lattice makes it O(N d^2): splat the values onto the d+1 corners of the
simplex around each feature, blur along the d+1 lattice axes, slice back. All
three steps are linear, so they are sparse matrices here.

Lattice points have d+1 integer coordinates that sum to 0 and agree modulo d+1.
That remainder ("colour") k splits the points into d+1 families, and every
simplex has one corner of each: a point of colour k is (d+1) q + k with integer
q, so it is enough to find duplicates of q within one colour.
"""

import numpy as np
from scipy import sparse

from wsss_tf.errors import InputError

_CODE_BITS = 62  # of a non-negative int64, one to spare for the blur's look-ups


class Permutohedral:
    """A Gaussian filter of unit standard deviation over fixed features.

    Same lattice as the public dense CRF code: same scaling, float32 geometry,
    blur weights 0.5, 1, 0.5 and factor 1 / (1 + 2^-d).
    """

    def __init__(self, features: np.ndarray):
        """Builds the lattice of float32 [N, d] features, N and d at least 1.

        Features are in units of the standard deviation: divide each by its own.

        Raises:
          ValueError: wrong shape, NaN or infinity.
          InputError: features so far apart that points cannot be numbered.
        """
        if features.ndim != 2 or 0 in features.shape:
            raise ValueError(f"features: expected [N, d] with N and d at least 1, found shape {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError("features: expected finite numbers, found NaN or infinity")
        dims = features.shape[1]
        corner, rank, weights = _enclosing_simplex(features.astype(np.float32, copy=False))
        codes, strides = _corner_codes(corner, rank)
        self._splat, self._slice, points = _splat_and_slice(codes, weights)
        self._blurs = [_blur_matrix(points, strides, axis) for axis in range(dims + 1)]
        self._slice.data *= np.float32(1 / (1 + 2.0**-dims))

    def filter(self, values: np.ndarray) -> np.ndarray:
        """The filtered values: float32 [N, L] to float32 [N, L]."""
        if values.ndim != 2 or len(values) != self._splat.shape[1]:
            raise ValueError(f"values: expected [{self._splat.shape[1]}, L], found shape {values.shape}")
        field = self._splat @ np.ascontiguousarray(values, np.float32)
        for blur in self._blurs:
            field = blur @ field
        return self._slice @ field


def _enclosing_simplex(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lattice simplex around each feature.

    Args:
      features: float32 [N, d].

    Returns:
      corner: the corner of colour 0 divided by d+1, int64 [d+1, N].
      rank: place 0..d of each coordinate by falling distance to it, int64 [d+1, N].
      weights: barycentric weight of the corner of each colour, float32 [d+1, N].

    Ref: Adams et al. 2010, section 3 and appendix; Conway & Sloane 1998, chapter 20.
    """
    size = features.shape[1] + 1
    elevated = _elevate(features)
    nearest = np.rint(elevated * np.float32(1 / size))
    excess = nearest.sum(axis=0)
    rank = _falling_rank(elevated - nearest * np.float32(size)) + excess.astype(np.int64)
    # Rounding may leave the plane of coordinate sum 0: the coordinates that were rounded most go back one step.
    shift = (rank < 0).astype(np.int64) - (rank >= size)
    rank += size * shift
    nearest += shift
    offset = (elevated - nearest * np.float32(size)) * np.float32(1 / size)
    falling = np.empty_like(offset)
    np.put_along_axis(falling, rank, offset, axis=0)
    weights = np.empty_like(offset)
    weights[0] = falling[-1] + (1 - falling[0])
    weights[1:] = (falling[:-1] - falling[1:])[::-1]
    return nearest.astype(np.int64), rank, weights


def _elevate(features: np.ndarray) -> np.ndarray:
    """Maps float32 [N, d] features onto the plane of coordinate sum 0: float32 [d+1, N].

    The scale makes splat, blur and slice together a Gaussian of variance 1.
    """
    dims = features.shape[1]
    axes = np.arange(dims)
    scale = np.sqrt(2 / 3) * (dims + 1) / np.sqrt((axes + 1.0) * (axes + 2.0))
    scaled = np.ascontiguousarray(features.T) * scale.astype(np.float32)[:, None]
    elevated = np.empty([dims + 1, len(features)], np.float32)
    total = np.zeros(len(features), np.float32)
    for axis in range(dims, 0, -1):
        elevated[axis] = total - np.float32(axis) * scaled[axis - 1]
        total += scaled[axis - 1]
    elevated[0] = total
    return elevated


def _falling_rank(values: np.ndarray) -> np.ndarray:
    """Rank of each entry within its column, 0 for the largest; ties go to the earlier row. int64 [d+1, N]."""
    rank = np.zeros(values.shape, np.int8)
    for first in range(len(values)):
        for second in range(first + 1, len(values)):
            smaller = values[first] < values[second]
            rank[first] += smaller
            rank[second] += ~smaller
    return rank.astype(np.int64)


def _corner_codes(corner: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One integer per corner: equal codes of one colour mean the same lattice point.

    The code is a mixed-radix number of the first d coordinates of q (the last
    follows from the sum). Passing from colour k-1 to k takes 1 from the
    coordinate of rank d+1-k.

    Returns:
      codes: int64 [d+1, N], row k for the corner of colour k, each at least 0.
      strides: what a step of 1 in each coordinate adds to a code, int64 [d+1].
    """
    dims = len(corner) - 1
    low = corner[:dims].min(axis=1) - 2  # a corner and its blur neighbour take away 1 each
    widths = corner[:dims].max(axis=1) + 2 - low
    if np.log2(widths.astype(float)).sum() > _CODE_BITS:
        raise InputError(f"Gaussian filter: expected at most 2^{_CODE_BITS} lattice cells, found {widths.tolist()} "
                         "along the axes: choose wider kernels (sxy, srgb)")
    strides = np.append(np.cumprod(np.append(1, widths[:-1])), 0)
    steps = np.empty_like(corner)
    np.put_along_axis(steps, rank, np.broadcast_to(strides[:, None], corner.shape), axis=0)
    codes = np.empty_like(corner)
    codes[0] = strides[:dims] @ (corner[:dims] - low[:, None])
    for colour in range(1, dims + 1):
        codes[colour] = codes[colour - 1] - steps[dims + 1 - colour]
    return codes, strides


def _splat_and_slice(
    codes: np.ndarray, weights: np.ndarray
) -> tuple[sparse.csr_array, sparse.csr_array, list[np.ndarray]]:
    """The matrices between pixels and lattice points, and the points' codes.

    Returns:
      splat: float32 [M, N]; slice: its transpose [N, M]; both with sorted rows.
      points: for each colour the sorted codes of its points, int64.
    """
    size, pixels = codes.shape
    points, order, starts, ids = [], [], [], np.empty(codes.shape, np.int32)
    count = 0
    for colour in range(size):
        by_code = np.argsort(codes[colour], kind="stable")  # fast: photos come in long sorted runs
        ordered = codes[colour][by_code]
        first = np.append(True, ordered[1:] != ordered[:-1])
        ids[colour, by_code] = np.cumsum(first, dtype=np.int32) + np.int32(count - 1)
        points.append(ordered[first])
        order.append(by_code.astype(np.int32))
        starts.append(np.flatnonzero(first) + colour * pixels)
        count += len(points[-1])
    splat_data = np.concatenate([weights[colour][order[colour]] for colour in range(size)])
    splat_rows = np.append(np.concatenate(starts), size * pixels).astype(np.int32)
    splat = sparse.csr_array((splat_data, np.concatenate(order), splat_rows), shape=(count, pixels))
    slice_rows = np.arange(0, size * pixels + 1, size, dtype=np.int32)
    slicing = sparse.csr_array((weights.T.ravel(), ids.T.ravel(), slice_rows), shape=(pixels, count))
    return splat, slicing, points


def _blur_matrix(points: list[np.ndarray], strides: np.ndarray, axis: int) -> sparse.csr_array:
    """The blur 0.5, 1, 0.5 along one axis over existing points, float32 [M, M].

    The neighbour ahead adds 1 to every coordinate but takes d from the axis: in
    terms of q that is colour k+1 with 1 less on the axis, or, from colour d,
    colour 0 with 1 more everywhere else.
    """
    size = len(points)
    starts = np.cumsum([0] + [len(codes) for codes in points])
    count = int(starts[-1])
    table = np.full([count, 3], -1, np.int32)
    table[:, 1] = np.arange(count)
    for colour in range(size):
        ahead = (colour + 1) % size
        wanted = points[colour] - strides[axis] + (strides.sum() if ahead == 0 else 0)
        place = np.searchsorted(points[ahead], wanted)
        place[place == len(points[ahead])] = 0
        found = np.flatnonzero(points[ahead][place] == wanted)
        source, target = found + starts[colour], place[found] + starts[ahead]
        table[source, 2] = target
        table[target, 0] = source
    present = table >= 0
    rows = np.append(0, np.cumsum(present.sum(axis=1, dtype=np.int32), dtype=np.int32))
    weights = np.broadcast_to(np.float32([0.5, 1, 0.5]), table.shape)[present]
    return sparse.csr_array((weights, table[present], rows), shape=(count, count))
