"""Normalised cuts against all possible cuts of small graphs, NumPy's solver, and both solvers against each other."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wsss_tf.superpixels.ncut import DENSE, LANCZOS, SOLVERS, ncut

WEAK = 1e-5
seeds = st.integers(0, 10**6)


def featured(links: np.ndarray) -> tuple[np.ndarray, float]:
    """Features and a tau that give exactly these links: their products are 1 and, where linked, twice tau."""
    others = links & ~np.eye(len(links), dtype=bool)
    tau = 0.45 / max(1, abs(np.linalg.eigvalsh(others.astype(float))).max())
    return scipy.linalg.cholesky(np.eye(len(links)) + 2 * tau * others, lower=True).astype(np.float32), tau


def weighted(features: np.ndarray, tau: float) -> np.ndarray:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return np.where((unit @ unit.T > tau) | np.eye(len(unit), dtype=bool), 1, WEAK)


def second(weights: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Second and third smallest eigenvalue, and the vector of the second, by NumPy's solver of general matrices."""
    degrees = weights.sum(axis=1)
    values, vectors = np.linalg.eig(np.eye(len(weights)) - weights / degrees[:, None])
    order = np.argsort(values.real)
    third = values.real[order[2]] if len(order) > 2 else np.inf
    return values.real[order[1]], third, vectors[:, order[1]].real


def ncut_value(weights: np.ndarray, part: np.ndarray) -> float:
    """Eq 3.13."""
    cut = weights[part][:, ~part].sum()
    return cut / weights[part].sum() + cut / weights[~part].sum()


def all_cuts(patches: int) -> list[np.ndarray]:
    """Every way to cut patches in two, the part without the first patch."""
    return [np.array([False, *part]) for part in itertools.product([False, True], repeat=patches - 1) if any(part)]


def clusters(seed: int, patches: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=[rng.integers(1, 7), 12])
    return (centres[rng.integers(len(centres), size=patches)] + rng.normal(0, 0.5, [patches, 12])).astype(np.float32)


def blocks(*sizes: int) -> np.ndarray:
    return scipy.linalg.block_diag(*[np.ones([size, size]) for size in sizes]) > 0


def ring(nodes: int, reach: int = 1) -> np.ndarray:
    apart = abs(np.arange(nodes)[:, None] - np.arange(nodes))
    return np.minimum(apart, nodes - apart) <= reach


def path(nodes: int) -> np.ndarray:
    return abs(np.arange(nodes)[:, None] - np.arange(nodes)) <= 1


def grid(height: int, width: int) -> np.ndarray:
    return np.kron(np.eye(height), path(width)) + np.kron(path(height), np.eye(width)) > 0


def star(nodes: int) -> np.ndarray:
    return np.eye(nodes, dtype=bool) | (np.arange(nodes) == 0) | (np.arange(nodes)[:, None] == 0)


def several(*graphs: np.ndarray) -> np.ndarray:
    return scipy.linalg.block_diag(*graphs) > 0


SYMMETRIC = {
    "two patches": blocks(1, 1), "no links": blocks(*[1] * 17), "pairs": blocks(*[2] * 9),
    "cliques": blocks(5, 5, 5, 5), "cliques and single patches": blocks(20, 20, 20, 5, 5, 1, 1),
    "a clique and single patches": blocks(7, 1, 1, 1, 1),
    "small cliques first": blocks(1, 5, 5, 5), "all but cliques": ~blocks(5, 5, 5) | np.eye(15, dtype=bool),
    "all but unequal cliques": ~blocks(10, 10, 3, 3) | np.eye(26, dtype=bool), "path": path(17), "ring": ring(30),
    "wide ring": ring(40, 5), "star": star(17), "grid": grid(6, 6), "oblong grid": grid(5, 7), "cube": grid(2, 2),
    "rings": several(ring(9), ring(9), path(4)), "stars": several(star(6), star(6), star(6)),
    "mixture": several(grid(4, 4), blocks(5, 5, 1, 1), ring(8), ring(8)),
}


@pytest.mark.parametrize("name", SYMMETRIC)
@pytest.mark.parametrize("shuffle", range(3))
def test_both_solvers_cut_symmetric_graphs_alike(name, shuffle):
    links = SYMMETRIC[name]
    order = np.random.default_rng(shuffle).permutation(len(links)) if shuffle else np.arange(len(links))
    features, tau = featured(links[np.ix_(order, order)])
    np.testing.assert_array_equal(weighted(features, tau) == 1, links[np.ix_(order, order)])
    np.testing.assert_array_equal(ncut(features, tau, DENSE), ncut(features, tau, LANCZOS))


@settings(max_examples=60, deadline=None)
@given(seed=seeds, patches=st.integers(1, 120), tau=st.sampled_from([-0.2, 0.0, 0.1, 0.3, 0.5, 0.8]))
def test_both_solvers_cut_clusters_alike(seed, patches, tau):
    features = clusters(seed, patches)
    np.testing.assert_array_equal(ncut(features, tau, DENSE), ncut(features, tau, LANCZOS))


@settings(max_examples=60, deadline=None)
@given(seed=seeds, patches=st.integers(1, 80), depth=st.integers(2, 5), tau=st.sampled_from([-0.2, 0.0, 0.4, 0.8]))
def test_both_solvers_cut_few_different_patches_alike(seed, patches, depth, tau):
    features = np.random.default_rng(seed).integers(-1, 2, [patches, depth]).astype(np.float32)  # equal ones, zeros
    np.testing.assert_array_equal(ncut(features, tau, DENSE), ncut(features, tau, LANCZOS))


@pytest.mark.parametrize("tau", [0.0, 0.1, 0.2, 0.3, 0.5])
def test_both_solvers_cut_keys_of_a_transformer_alike(golden, tau):
    keys = golden("thesis_superpixel")["keys"]
    ids = ncut(keys, tau, LANCZOS)
    np.testing.assert_array_equal(ids, ncut(keys, tau, DENSE))
    assert ids.dtype == np.int32 and sorted(set(ids)) == list(range(ids.max() + 1))


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=60, deadline=None)
@given(seed=seeds, patches=st.integers(2, 30), tau=st.sampled_from([0.1, 0.3, 0.6]))
def test_each_cut_is_that_of_the_formulas(solver, seed, patches, tau):
    """Round by round, each cut is that of eq 3.15 wherever it leaves no choice."""
    features = clusters(seed, patches)
    ids, weights = ncut(features, tau, solver), weighted(features, tau)
    for found in range(ids.max()):
        rest = np.flatnonzero(ids >= found)
        value, following, vector = second(weights[np.ix_(rest, rest)])
        heights = vector - vector.mean()
        if following - value > 1e-7 and abs(heights).min() > 1e-5 * abs(heights).max():
            part = ids[rest] == found
            assert len(set(heights[part] > 0)) == len(set(heights[~part] > 0)) == 1
            assert (heights[part] > 0)[0] != (heights[~part] > 0)[0]
            assert 2 * part.sum() < len(part) or (2 * part.sum() == len(part) and part[0])
    last = np.flatnonzero(ids == ids.max())
    assert weights[np.ix_(last, last)].min() == 1, "what is left is alike"


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=40, deadline=None)
@given(seed=seeds, patches=st.integers(3, 9))
def test_value_of_the_cut_against_all_cuts(solver, seed, patches):
    """The eigenvalue is below the value of every cut (eq 3.14 relaxes 3.13), and the cut found is one of them."""
    links = np.random.default_rng(seed).random([patches, patches]) < 0.4
    links |= links.T | np.eye(patches, dtype=bool)
    assume(not links.all())
    features, tau = featured(links)
    weights = np.where(links, 1, WEAK)
    values = [ncut_value(weights, part) for part in all_cuts(patches)]
    found = ncut_value(weights, ncut(features, tau, solver) == 0)
    assert second(weights)[0] - 1e-9 < min(values) <= found + 1e-12 and min(abs(np.array(values) - found)) < 1e-12


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sizes", [(6, 4), (3, 8), (5, 5), (2, 7)])
def test_two_groups_with_a_bridge_are_cut_at_the_best_place(solver, sizes):
    links = blocks(*sizes)
    links[sizes[0] - 1, sizes[0]] = links[sizes[0], sizes[0] - 1] = True
    features, tau = featured(links)
    weights, part = np.where(links, 1, WEAK), ncut(features, tau, solver) == 0
    best = min(ncut_value(weights, cut) for cut in all_cuts(sum(sizes)))
    assert ncut_value(weights, part) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bridges, first", [(1, 50), (2, 1)])
def test_weak_links_decide_between_a_patch_alone_and_a_bridge(solver, bridges, first):
    """Cutting off the patch costs about 100 weak links, splitting the cliques about 2 bridges / 50^2: 0.8 and 1.6 to 1."""
    links = blocks(50, 50, 1)
    for number in range(bridges):
        links[49 - number, 50 + number] = links[50 + number, 49 - number] = True
    features, tau = featured(links)
    np.testing.assert_array_equal(weighted(features, tau) == 1, links)
    assert np.bincount(ncut(features, tau, solver))[0] == first


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sizes, expected", [
    ((40, 25), (1, 0)), ((25, 40), (0, 1)), ((30, 30), (0, 1)),  # the smaller; of equal parts the first
    ((8, 8, 8, 8), (0, 1, 2, 3)), ((1, 1, 1), (0, 1, 2)),  # of equal ones, one at a time
    ((1, 9, 1, 1), (0, 1, 0, 0)),  # patches that are like no other: together, before the group
])
def test_groups_without_links_between_them(solver, sizes, expected):
    features = np.repeat(np.eye(len(sizes), dtype=np.float32), sizes, axis=0)
    np.testing.assert_array_equal(ncut(features, 0.3, solver), np.repeat(expected, sizes))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("patches", [0, 1, 2, 7])
def test_all_alike_is_one_superpixel(solver, patches):
    assert ncut(np.ones([patches, 5], np.float32), 0.3, solver).tolist() == [0] * patches


@pytest.mark.parametrize("solver", SOLVERS)
def test_length_does_not_matter_nor_do_zeros(solver):
    features = np.array([[1, 0], [5, 0.1], [0, 0], [0, 2], [0.1, 9], [0, 1]], np.float32)
    assert ncut(features, 0.5, solver).tolist() == ncut(100 * features, 0.5, solver).tolist() == [0, 0, 0, 1, 1, 1]


def test_unknown_solver():
    with pytest.raises(ValueError, match="dense, lanczos"):
        ncut(np.ones([3, 2], np.float32), 0.3, "magic")
