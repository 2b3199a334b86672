import numpy as np

from workbench.llm.halves import halves


def test_halves_are_numpys_to_the_bit() -> None:
    rng = np.random.default_rng(3)
    edges = [
        0,
        2**-26,
        2**-25,
        2**-25 * 1.5,
        2**-24,
        2**-24 * 2.5,
        2**-14,
        2**-14 * (1 - 2**-12),
        0.5,
        1,
        65504,
        np.nan,
    ]
    values = np.concatenate([10 ** rng.uniform(-12, 0, 200_000), edges]).astype(np.float32)
    with np.errstate(all="ignore"):
        assert np.array_equal(halves(values).view(np.uint16), values.astype(np.float16).view(np.uint16))
    cut = values[:12].reshape(3, 4).T[::2]  # not contiguous
    assert np.array_equal(halves(cut), cut.astype(np.float16)) and halves(cut).shape == cut.shape
