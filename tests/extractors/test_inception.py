import os
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy.linalg
import torch
from torch.nn import functional

from jaxgan.evaluation.metrics import frechet
from jaxgan.extractors import extractor as extractor_lib
from jaxgan.extractors import inception, inception_weights, resize
from tests.extractors.test_inception_weights import FORMS, write


def random_arrays(classifier):
    """Weights with which the signal neither dies nor explodes."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, shape in inception._shapes().items():
        values = rng.standard_normal(shape, np.float32)
        if name.endswith("weight"):
            values *= np.float32((2 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith("var"):
            values = np.exp(0.3 * values)
        else:
            values *= np.float32(0.1)
        if not name.endswith("gamma") and (classifier or not name.startswith("output")):
            arrays[name] = values
    return arrays


@pytest.fixture(scope="module")
def arrays():
    return random_arrays(classifier=True)


@pytest.fixture(scope="module")
def loaded(arrays, tmp_path_factory):
    return inception.load(write("npz", arrays, tmp_path_factory.mktemp("npz") / "weights.npz"))


def reference(x, arrays):
    """The network in PyTorch, in float64: x [B, 3, 299, 299] to pool3 [B, 2048]."""
    weights = {name: torch.from_numpy(array).double() for name, array in arrays.items()}

    def conv(x, name, stride=1, padding=None):
        kernel = weights[f"{name}/weight"]
        if padding is None:
            padding = (0, 0) if stride > 1 else (kernel.shape[2] // 2, kernel.shape[3] // 2)
        x = functional.conv2d(x, kernel, stride=stride, padding=padding)
        mean, var, beta = (weights[f"{name}/{part}"] for part in ("mean", "var", "beta"))
        return functional.relu(functional.batch_norm(x, mean, var, None, beta, eps=1e-3))

    def tower(x, name, count, last=1):
        for i in range(count):
            x = conv(x, f"{name}/conv_{i}" if i else f"{name}/conv", last if i == count - 1 else 1)
        return x

    def average(x):
        return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    x = conv(conv(x, "conv", 2), "conv_1", padding=0)
    x = functional.max_pool2d(conv(x, "conv_2"), 3, 2)
    x = functional.max_pool2d(conv(conv(x, "conv_3"), "conv_4", padding=0), 3, 2)
    for i in range(11):
        at = f"mixed_{i}" if i else "mixed"
        if i in (0, 1, 2, 4, 5, 6, 7):
            first, second = (2, 3) if i < 3 else (3, 5)
            parts = [conv(x, f"{at}/conv"), tower(x, f"{at}/tower", first)]
            parts += [tower(x, f"{at}/tower_1", second), tower(average(x), f"{at}/tower_2", 1)]
        elif i == 3:
            parts = [conv(x, f"{at}/conv", 2), tower(x, f"{at}/tower", 3, last=2)]
            parts += [functional.max_pool2d(x, 3, 2)]
        elif i == 8:
            parts = [tower(x, f"{at}/tower", 2, last=2), tower(x, f"{at}/tower_1", 4, last=2)]
            parts += [functional.max_pool2d(x, 3, 2)]
        else:
            one = conv(x, f"{at}/tower_conv")
            two = conv(conv(x, f"{at}/tower_1_conv"), f"{at}/tower_1_conv_1")
            pooled = average(x) if i == 9 else functional.max_pool2d(x, 3, 1, 1)
            parts = [conv(x, f"{at}/conv")]
            for part, name in ((one, "tower_mixed"), (two, "tower_1_mixed")):
                parts += [conv(part, f"{at}/{name}_conv"), conv(part, f"{at}/{name}_conv_1")]
            parts += [conv(pooled, f"{at}/tower_2_conv")]
        x = torch.cat(parts, 1)
    return x.mean((2, 3)).numpy()


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.slow  # nothing but compiling: ten seconds
def test_features_and_logits_are_those_of_pytorch(arrays, loaded):
    images = np.random.default_rng(1).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    pixels = (np.asarray(resize.tf1(images), np.float64) - 128) / 128
    expected = reference(torch.from_numpy(pixels).permute(0, 3, 1, 2), arrays)
    found = extractor_lib.extract(loaded, images)
    assert found.features.shape == (2, inception.DIM)
    assert expected.std() > 0.1
    assert relative(found.features, expected) < 1e-5
    # Without the bias, as the Inception Score has it.
    assert relative(found.logits, expected @ arrays["output/weight"].T) < 1e-5


def test_what_identifies_the_extractor(arrays, loaded):
    assert (loaded.name, loaded.resize) == ("inception_2015_12_05", "tf1")
    assert (loaded.dim, loaded.num_classes, len(loaded.digest)) == (2048, 1008, 64)


def test_batch_norm_is_folded_into_kernel_and_bias(arrays, loaded):
    """A 1 x 1 convolution on one pixel, by hand."""
    name = "mixed_5/tower/conv"
    x = np.random.default_rng(2).normal(size=768)
    part = {p: arrays[f"{name}/{p}"].astype(np.float64) for p in ("weight", "beta", "mean", "var")}
    normal = (part["weight"][:, :, 0, 0] @ x - part["mean"]) / np.sqrt(part["var"] + 1e-3)
    layer = loaded.params["network"]["mixed_5.tower.conv"]
    np.testing.assert_allclose(
        x @ layer["kernel"][0, 0] + layer["bias"], normal + part["beta"], atol=1e-5
    )


def test_a_gamma_scales_before_the_bias(arrays, loaded):
    gamma = np.full(160, 2.0, np.float32)
    folded = inception._fold(arrays | {"mixed_5/tower/conv/gamma": gamma})["network"]
    new, old = folded["mixed_5.tower.conv"], loaded.params["network"]["mixed_5.tower.conv"]
    np.testing.assert_allclose(new["kernel"], 2 * old["kernel"], rtol=1e-6)
    beta = arrays["mixed_5/tower/conv/beta"]
    np.testing.assert_allclose(new["bias"] - beta, 2 * (old["bias"] - beta), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_every_form_of_file_gives_the_same_network(arrays, loaded, tmp_path):
    for form in FORMS:
        found = inception.load(write(form, arrays, tmp_path / f"{form}.npz"))
        assert found.num_classes == 1008
        assert jax.tree.structure(found.params) == jax.tree.structure(loaded.params)
        jax.tree.map(np.testing.assert_array_equal, found.params, loaded.params)


def test_without_a_classifier_there_are_no_logits(arrays):
    """Traced only: nothing is compiled."""
    params = inception._fold({k: v for k, v in arrays.items() if not k.startswith("output")})
    image = jax.ShapeDtypeStruct((2, 28, 28, 1), np.uint8)
    features, logits = jax.eval_shape(inception._apply("tf1"), params, image)
    assert (features.shape, features.dtype, logits) == ((2, 2048), np.float32, None)


def test_the_function_is_the_same_for_every_file():
    """So that it is compiled once; and another one for another resize."""
    assert inception._apply("tf1") is inception._apply("tf1")
    assert inception._apply("tf1") is not inception._apply("antialiased")


@pytest.mark.parametrize("rule", ["tf1", "antialiased"])
def test_grey_images_are_repeated_to_three_channels(rule):
    grey = np.random.default_rng(3).integers(0, 256, (2, 28, 28, 1), dtype=np.uint8)
    found = np.asarray(inception._pixels(grey, rule))
    assert found.shape == (2, 299, 299, 3)
    np.testing.assert_array_equal(found, inception._pixels(np.repeat(grey, 3, axis=-1), rule))
    np.testing.assert_allclose(found[..., :1] * 128 + 128, resize.RULES[rule](grey), atol=1e-4)


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels, got 4"):
        inception._pixels(np.zeros((2, 8, 8, 4), np.uint8), "tf1")


def test_an_unknown_resize_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of tf1, antialiased, got 'lanczos'"):
        inception.load(tmp_path / "weights.npz", resize="lanczos")


def test_unsound_files_are_refused(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **{"conv/weight": np.zeros((32, 3, 3, 3), np.float32)})
    with pytest.raises(ValueError, match=r"has no array conv/beta, which should be \[32\]"):
        inception.load(path)
    np.savez(path, **{"conv/weight": np.zeros((3, 3, 3, 32), np.float32)})
    with pytest.raises(ValueError, match=r"conv/weight is \[3, 3, 3, 32\], .* be \[32, 3, 3, 3\]"):
        inception.load(path)
    with pytest.raises(ValueError, match=f"not {'f' * 64}"):
        inception.load(path, digest="f" * 64)


@pytest.fixture
def real():
    folder = os.environ.get("JAXGAN_TEST_DATA")
    if not folder:
        pytest.skip("JAXGAN_TEST_DATA is not set")
    folder = Path(folder) / "inception"
    if not folder.is_dir():
        pytest.skip("no inception in JAXGAN_TEST_DATA")
    return folder


@pytest.mark.data
def test_golden_features(real):
    """16 images of CIFAR-10 against an independent implementation.

    The kernels in the file are rounded to 15 bits, which makes 5e-5 of the difference; a float64
    network of the same weights is 1e-6 away (``reference``, below).
    """
    extractor = inception.load(real / "inception_2015_12_05_pool3.npz")
    golden = np.load(real / "golden_cifar10_test_0_15.npz")
    found = extractor_lib.extract(extractor, golden["images"], batch_size=7).features
    assert relative(found, golden["pool3"]) < 1e-4
    arrays, _ = inception_weights.read(real / "inception_2015_12_05_pool3.npz")
    pixels = (np.asarray(resize.tf1(golden["images"][:2]), np.float64) - 128) / 128
    expected = reference(torch.from_numpy(pixels).permute(0, 3, 1, 2), arrays)
    assert relative(found[:2], expected) < 5e-6


@pytest.mark.data
def test_fid_of_two_fixed_sets_agrees_with_an_independent_implementation(real):
    """Golden features and SciPy's root of the product, against ours of the same images."""
    golden = np.load(real / "golden_cifar10_test_0_15.npz")
    expected = independent_fid(golden["pool3"][:8], golden["pool3"][8:])
    extractor = inception.load(real / "inception_2015_12_05_pool3.npz")
    found = extractor_lib.extract(extractor, golden["images"], batch_size=8).features
    ours = frechet.frechet_distance(frechet.moments(found[:8]), frechet.moments(found[8:]))
    assert ours == pytest.approx(expected, rel=1e-3)


def independent_fid(x, y):
    """As Heusel's script: SciPy's matrix root, the real part of it, a small diagonal."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    # On the span of both sets, where the root is well conditioned: a rotation changes nothing.
    basis = np.linalg.svd(np.concatenate([x, y]) - x.mean(0), full_matrices=False)[2]
    x, y = x @ basis.T, y @ basis.T
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    offset = np.eye(len(first)) * 1e-9
    root = scipy.linalg.sqrtm((first + offset) @ (second + offset)).real
    gap = x.mean(0) - y.mean(0)
    return gap @ gap + np.trace(first + second - 2 * root)
