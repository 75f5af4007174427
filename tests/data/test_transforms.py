import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jd


def test_uint8_becomes_float32_from_minus_one_to_one():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    image = jax.jit(jd.to_float)({"image": levels})["image"]
    assert image.dtype == jnp.float32
    expected = levels.astype(np.float64) / 127.5 - 1.0
    np.testing.assert_allclose(image, expected, atol=1e-6)
    assert float(image.min()) == -1.0
    assert float(image.max()) == 1.0


def test_floats_and_labels_pass_through():
    batch = {"image": np.float32([[0.25, -0.5]]), "label": np.int32([3])}
    out = jax.jit(jd.to_float)(batch)
    np.testing.assert_array_equal(out["image"], batch["image"])
    np.testing.assert_array_equal(out["label"], batch["label"])
    assert out["label"].dtype == jnp.int32


def test_64_bit_mode_changes_no_type():
    with jax.enable_x64(True):
        for image in (np.zeros((2, 4, 4, 1), np.uint8), np.zeros((2, 4, 4, 1), np.float32)):
            batch = {"image": image, "label": np.zeros(2, np.int32)}
            for out in (jax.jit(jd.to_float)(batch), jd.to_float(batch)):
                assert (out["image"].dtype, out["label"].dtype) == (np.float32, np.int32)
        assert jd.indices(0, 0, size=5, batch_size=2).dtype == np.int32


def test_the_batch_that_was_passed_is_not_changed():
    batch = {"image": np.zeros((1, 2, 2, 1), np.uint8)}
    jd.to_float(batch)
    assert batch["image"].dtype == np.uint8
