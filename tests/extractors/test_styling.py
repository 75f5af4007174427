"""Gatys's style transfer: its loss in NumPy, where it leads, and that chunks change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses
from jaxgan.extractors import styling

CONTENT, STYLE = (
    jax.random.uniform(jax.random.key(i), (1, 6, side, 3), minval=-0.9, maxval=0.9)
    for i, side in enumerate((5, 8))
)
MIX = jax.random.normal(jax.random.key(2), (3, 4))


def look(images):
    """Two layers: the pixels, and mixtures of them."""
    return {"pixels": images, "mixed": jnp.tanh(images @ MIX)}


TOLD = {"content_layers": ("pixels",), "style_layers": ("pixels", "mixed")}


def test_the_loss_is_equation_7():
    start = CONTENT[:, ::-1]
    told = {"content_weight": 0.5, "style_weight": 7.0, "variation": 0.25}
    found = styling.transfer(look, CONTENT, STYLE, **TOLD, **told, steps=1, start=start)
    content = ((np.asarray(start, np.float64) - CONTENT) ** 2).sum() / 2
    style = 0.0
    for layer in ("pixels", "mixed"):
        grams = []
        for image in (start, STYLE):
            rows = np.asarray(look(image)[layer], np.float64).reshape(
                -1, look(image)[layer].shape[-1]
            )
            grams.append(rows.T @ rows / rows.size)
        style += ((grams[0] - grams[1]) ** 2).sum() / 4 / 2
    uneven = float(losses.total_variation(start))
    expected = 0.5 * content + 7 * style + 0.25 * uneven
    np.testing.assert_allclose(found.losses, [expected], rtol=1e-4)


def test_it_goes_from_the_content_to_the_style():
    told = {**TOLD, "style_weight": 1e5, "learning_rate": 0.05}
    found = styling.transfer(look, CONTENT, STYLE, **told, steps=120)
    assert found.image.shape == CONTENT.shape
    assert jnp.abs(found.image).max() <= 1
    assert found.losses[-1] < 0.3 * found.losses[0]

    def apart(image):
        return float(
            losses.style(*({n: losses.gram(m) for n, m in look(x).items()} for x in (image, STYLE)))
        )

    assert apart(found.image) < 0.1 * apart(CONTENT)
    kept = styling.transfer(look, CONTENT, STYLE, **{**told, "style_weight": 0.0}, steps=2)
    np.testing.assert_allclose(kept.image, CONTENT, atol=1e-6)


def test_chunks_of_the_loop_change_nothing(monkeypatch):
    whole = styling.transfer(look, CONTENT, STYLE, **TOLD, steps=7)
    monkeypatch.setattr(styling, "CHUNK", 3)
    parts = styling.transfer(look, CONTENT, STYLE, **TOLD, steps=7)
    np.testing.assert_allclose(parts.image, whole.image, atol=1e-6)
    np.testing.assert_allclose(parts.losses, whole.losses, rtol=1e-5)


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="no layer 'conv' of pixels, mixed"):
        styling.transfer(look, CONTENT, STYLE, content_layers=("conv",), style_layers=())
    with pytest.raises(ValueError, match="steps must be at least 1"):
        styling.transfer(look, CONTENT, STYLE, **TOLD, steps=0)
