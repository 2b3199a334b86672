"""Vector indexes under compression: sizes that can be counted, and recall that falls as they do."""

import numpy as np
import pytest

from workbench.probes.compression import CODECS, Vectors, compress, nearest, pca, product


@pytest.fixture(scope="module")
def clusters() -> tuple[Vectors, Vectors]:
    """700 unit vectors of 32 dimensions around 40 middles, and 50 questions near some of them."""
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(40, 32))
    vectors = middles[rng.integers(0, 40, 700)] + 0.5 * rng.normal(size=(700, 32))
    questions = vectors[:50] + 0.2 * rng.normal(size=(50, 32))
    return tuple((v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32) for v in (vectors, questions))  # type: ignore[return-value]


def test_bytes_are_codes_and_codebooks(clusters: tuple[Vectors, Vectors]) -> None:
    n, d = clusters[0].shape
    sizes = {name: CODECS[name](clusters[0], 0)[1] for name in CODECS if not name.startswith("pq/4")}
    assert sizes["float32"] == 4 * n * d
    assert sizes["float16"] == 2 * n * d
    assert sizes["int8"] == n * d + 8 * d
    assert sizes["binary"] == n * d // 8
    assert sizes["pca/4"] == 4 * (n * 8 + d * 8 + d)
    assert sizes["pq/8"] == n * 4 + 4 * 256 * d
    few = clusters[0][:5]
    assert pca(4)(few, 0)[1] == 4 * (5 * 5 + d * 5 + d), "no more components than vectors"
    assert product(64)(few, 0)[1] == 5 + 4 * 5 * d, "one part at least, and no more centroids than vectors"


def test_what_is_recovered_is_the_nearest_that_the_codes_can_say(clusters: tuple[Vectors, Vectors]) -> None:
    few = clusters[0][:60]
    back = pca(2)(few, 0)[0]
    middle = few.mean(axis=0)
    axes = np.linalg.svd(few - middle, full_matrices=False)[2]
    assert np.abs((back - few) @ axes[:16].T).max() < 1e-5, "nothing is lost along what is kept"
    assert np.abs((back - middle) @ axes[16:].T).max() < 1e-5
    assert np.abs(product(8)(few, 0)[0] - few).max() < 1e-5, "a centroid for each"
    two = np.repeat(np.eye(2, 8, dtype=np.float32), 200, axis=0)
    recovered, size = product(4)(two, 0)
    assert np.array_equal(recovered, two) and size == 2 * 400 + 4 * 4 * (2 + 1)


def test_recall_falls_with_bytes(clusters: tuple[Vectors, Vectors]) -> None:
    vectors, questions = clusters
    found = {one.name: one for one in compress(vectors, questions, [[n] for n in range(50)])}
    assert found["float32"].neighbours == found["float32"].evidence == 1.0
    assert found["float16"].neighbours > 0.97
    assert found["int8"].neighbours > 0.9
    assert found["int8"].neighbours > found["binary"].neighbours > 0.2
    assert found["pca/2"].neighbours > found["pca/4"].neighbours > found["pca/8"].neighbours
    assert found["pq/4"].neighbours > found["pq/8"].neighbours > 0.2
    assert found["binary"].ratio == 32
    assert found["binary"].evidence is not None


def test_the_same_seed_gives_the_same_codes(clusters: tuple[Vectors, Vectors]) -> None:
    few = clusters[0][:100]
    assert np.array_equal(CODECS["pq/8"](few, 3)[0], CODECS["pq/8"](few, 3)[0])


@pytest.mark.parametrize("name", CODECS)
def test_few_and_equal_vectors_are_no_trouble(name: str) -> None:
    same = np.ones((3, 8), np.float32) / np.float32(8**0.5)
    recovered, size = CODECS[name](same, 0)
    assert recovered.shape == same.shape
    assert np.isfinite(recovered).all()
    assert size > 0


def test_ties_keep_the_earlier_vector_first() -> None:
    same = np.ones((4, 2), np.float32)
    assert nearest(same, same[:1], 2).tolist() == [[0, 1]]
