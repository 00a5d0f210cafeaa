"""Discovery against the thesis author's recorded results, a loop, and its own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.superpixels.discovery import HIGH_FIRST, LOW_FIRST, ORDERS, discover, positiveness


def by_loop(features: np.ndarray, tau: float, order: str) -> np.ndarray:
    """Table 3.1 word by word: degrees are counted anew among the remaining patches of every round."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    similarity = unit @ unit.T
    ids, remaining, found = np.full(len(features), -1), set(range(len(features))), 0
    while remaining:
        degrees = {p: sum(similarity[p, q] > 0 for q in remaining) for p in sorted(remaining)}
        seed = (min if order == LOW_FIRST else max)(degrees, key=degrees.get)  # the first of equals
        members = {q for q in remaining if similarity[seed, q] > tau} | {seed}
        ids[sorted(members)] = found
        remaining -= members
        found += 1
    return ids


@pytest.mark.parametrize("tau", [0.0, 0.1, 0.2, 0.3, 0.5])
def test_ids_equal_the_recorded_ones(golden, tau):
    recorded = golden("thesis_superpixel")
    ids = discover(recorded["keys"], tau, LOW_FIRST)
    np.testing.assert_array_equal(ids.reshape(recorded["grid"]), recorded[f"ids_tau{tau}"])
    assert ids.dtype == np.int32 and ids.max() + 1 == recorded[f"n_tau{tau}"]


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), patches=st.integers(1, 40), tau=st.sampled_from([-0.3, 0.0, 0.2, 0.6, 0.95]))
def test_ids_equal_the_loop(order, seed, patches, tau):
    features = np.random.default_rng(seed).normal(size=[patches, 6]).astype(np.float32)
    np.testing.assert_array_equal(discover(features, tau, order), by_loop(features, tau, order))


def test_the_two_orders_differ(golden):
    keys = golden("thesis_superpixel")["keys"]
    assert (discover(keys, 0.3, LOW_FIRST) != discover(keys, 0.3, HIGH_FIRST)).any()


def test_length_does_not_matter_and_zeros_stand_alone():
    features = np.array([[1, 0], [5, 0.1], [0, 0], [0, 2], [0.1, 9]], np.float32)
    assert discover(features, 0.5, LOW_FIRST).tolist() == discover(100 * features, 0.5, LOW_FIRST).tolist() == [1, 1, 0, 2, 2]


def test_a_tau_of_one_leaves_every_patch_alone():
    features = np.random.default_rng(0).normal(size=[30, 5]).astype(np.float32)
    assert sorted(discover(features, 1.0, LOW_FIRST)) == list(range(30))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), tau=st.floats(0, 0.9))
def test_members_of_a_superpixel_are_alike(seed, tau):
    """Lemma 1: two patches that are more similar than tau to a third are more similar than 2 tau^2 - 1."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=[30, 4]).astype(np.float32)
    ids = discover(features, tau)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    similarity = unit @ unit.T
    for found in range(ids.max() + 1):
        members = ids == found
        assert similarity[np.ix_(members, members)].min() > 2 * tau**2 - 1 - 1e-5


def test_positiveness_of_recorded_keys(golden):
    """Their similarities are recorded too; the keys are those of all heads, side by side."""
    recorded = golden("thesis_superpixel")
    np.testing.assert_array_equal(recorded["keys"], recorded["keys_heads"][0, :, 1:].transpose(1, 0, 2).reshape(-1, 64))
    np.testing.assert_allclose(positiveness(recorded["keys"]), (recorded["similarity"] > 0).mean(axis=1), rtol=1e-6)


def test_positiveness_is_the_degree_over_all_patches():
    features = np.random.default_rng(0).normal(0, 1, [40, 5]).astype(np.float32)
    expected = [np.mean([left @ right > 0 for right in features]) for left in features]
    np.testing.assert_allclose(positiveness(features), expected, rtol=1e-6)
