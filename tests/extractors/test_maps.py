"""Maps of named layers: PyTorch's convolutions of the same weights, no more than is asked for."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from jaxgan import data
from jaxgan.base.errors import UserError
from jaxgan.extractors import domain, inception, maps
from jaxgan.extractors.classifier import Classifier

SOURCE = data.in_memory(
    "x",
    "train",
    np.zeros((4, 20, 20, 3), np.uint8),
    np.arange(4),
    4,
    np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3)).astype(np.uint8),
)


def filled(shapes):
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda x: draw.uniform(0.1, 1, x.shape).astype(np.float32) - 0.3, shapes)


def torch_conv(x, layer, **fields):
    kernel = torch.tensor(np.asarray(layer["kernel"])).permute(3, 2, 0, 1)
    bias = torch.tensor(np.asarray(layer["bias"])) if "bias" in layer else None
    return functional.conv2d(x, kernel, bias, **fields)


def nchw(x):
    return torch.tensor(np.asarray(x)).permute(0, 3, 1, 2)


def near(found, expected):
    expected = expected.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_inceptions_first_layers_are_torchs():
    """Of bytes ``(x - 128) / 128``, at the size that the images have; the last one's not asked."""
    layers, shape = ("conv_2", "conv"), (19, 21, 3)
    variables = filled(maps.shapes("inception", layers, shape))
    assert set(variables["params"]) == {"conv", "conv_1", "conv_2"}
    images = np.random.default_rng(1).integers(0, 256, (2, *shape)).astype(np.uint8)
    scaled = (images / 127.5 - 1).astype(np.float32)
    found = jax.jit(lambda v, x: maps.apply("inception", layers, v, x))(variables, scaled)
    assert set(found) == set(layers)
    layer = variables["params"]
    first = torch_conv(
        nchw((images.astype(np.float32) - 128) / 128), layer["conv"], stride=2
    ).relu()
    near(found["conv"], first)
    second = torch_conv(first, layer["conv_1"]).relu()
    near(found["conv_2"], torch_conv(second, layer["conv_2"], padding=1).relu())


def test_the_domains_layers_are_the_whole_classifiers():
    network = Classifier(3)
    x = jax.random.uniform(jax.random.key(1), (2, 40, 40, 3), minval=-1.0)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    variables = jax.tree.map(jnp.asarray, filled(shapes))
    variables["batch_stats"] = jax.tree.map(jnp.abs, variables["batch_stats"])
    _, seen = jax.jit(
        lambda v: network.apply(
            v, x, train=False, capture_intermediates=True, mutable="intermediates"
        )
    )(variables)
    found = jax.jit(lambda v: maps.apply("domain", ("conv_3", "conv_1"), v, x))(variables)
    for i in (1, 3):
        whole = seen["intermediates"][f"BatchNorm_{i}"]["__call__"][0]
        np.testing.assert_allclose(found[f"conv_{i}"], jax.nn.relu(whole), rtol=1e-5, atol=1e-5)
    near(
        seen["intermediates"]["Conv_1"]["__call__"][0],
        torch_conv(
            nchw(jax.nn.relu(seen["intermediates"]["BatchNorm_0"]["__call__"][0])),
            variables["params"]["Conv_1"],
            padding=1,
        ),
    )
    needed = maps.shapes("domain", ("conv_0",), (40, 40, 3))
    assert set(needed["params"]) == {"Conv_0", "BatchNorm_0"}


def test_a_loss_can_be_differentiated_through_them():
    variables = filled(maps.shapes("inception", ("conv",), (9, 9, 1)))
    x = jax.random.uniform(jax.random.key(1), (1, 9, 9, 1), minval=-1.0)

    def loss(x):
        return jnp.sum(maps.apply("inception", ("conv",), variables, x)["conv"])

    value, gradient = jax.jit(jax.value_and_grad(loss))(x)
    direction = jax.random.normal(jax.random.key(2), x.shape)
    moved = (loss(x + 1e-2 * direction) - loss(x - 1e-2 * direction)) / 2e-2
    assert value > 0
    np.testing.assert_allclose(jnp.sum(gradient * direction), moved, rtol=2e-2)


def test_of_a_files_weights_those_of_the_layers_are_kept(monkeypatch):
    asked = []

    def load(path, *, digest):
        asked.append((path, digest))
        whole = filled(maps.shapes("inception", ("conv_4",), (99, 99, 3)))
        return types.SimpleNamespace(params={"network": whole["params"]})

    monkeypatch.setattr(inception, "load", load)
    found = maps.load("inception", ("conv", "conv_1"), SOURCE, weights="a.npz", digest="0f")
    assert asked == [("a.npz", "0f")]
    whole = load("", digest="").params["network"]
    assert set(found["params"]) == {"conv", "conv_1"}
    for name, layer in found["params"].items():
        np.testing.assert_array_equal(layer["kernel"], whole[name]["kernel"])


def test_the_classifier_is_of_the_targets_and_trained_once(tmp_path, monkeypatch):
    given = []

    def fit(rows, num_classes, recipe, seed, say):
        given.append(rows)
        image = jnp.zeros((1, *rows[0].shape[1:]))
        network = Classifier(num_classes)
        shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), image, train=False))
        return filled(shapes)

    monkeypatch.setattr(domain, "fit", fit)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = [maps.load("domain", ("conv_0",), SOURCE) for _ in range(2)]
    assert len(given) == 1
    np.testing.assert_array_equal(given[0][0], SOURCE.read(np.arange(4))["target"])
    np.testing.assert_array_equal(given[0][1], np.arange(4))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_cannot_be_looked_at_is_refused():
    unlabelled = data.in_memory("x", "train", np.zeros((2, 8, 8, 1), np.uint8), None, 0)
    with pytest.raises(UserError, match="needs labels, and x has none"):
        maps.load("domain", ("conv_0",), unlabelled)
    for extractor, layers, shape, told in (
        ("inception", ("conv", "conv_9"), (99, 99, 3), "no layer 'conv_9'; they are conv, conv_1"),
        ("domain", ("conv_2",), (8, 8, 3), "no layer 'conv_2'; they are conv_0, conv_1"),
        ("domain", (), (8, 8, 3), "needs layers"),
        ("vgg", ("conv",), (8, 8, 3), "must be one of domain, inception, not 'vgg'"),
        ("inception", ("conv_4",), (16, 16, 3), "too small for the layer 'conv_4'"),
        ("inception", ("conv",), (16, 16, 2), "1 or 3 channels, got 2"),
    ):
        with pytest.raises(ValueError, match=told):
            maps.shapes(extractor, layers, shape)
