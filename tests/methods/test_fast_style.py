"""Feed-forward style transfer: its loss in NumPy, what its state keeps, and what it is refused."""

import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import data, main
from jaxgan.base import errors
from jaxgan.config import variants
from jaxgan.data import images
from jaxgan.extractors import domain, maps
from jaxgan.extractors.classifier import Classifier
from jaxgan.extractors.perceptual import KEPT
from jaxgan.learning.players import Players
from jaxgan.methods.fast_style import GRAMS, FastStyle
from jaxgan.run import drawing, program
from jaxgan.watch import pictures
from tests.conftest import EXPERIMENTS, run, same_bits, smoke

STROKES = EXPERIMENTS / "bases" / "strokes.png"
FIELDS = {
    "generator": {"name": "translator", "width": 4, "residual_blocks": 1, "outer_kernel": 3},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "shape": (8, 8, 1),
    "extractor": "domain",
    "content_layers": ("conv_1",),
    "style_layers": ("conv_0", "conv_1"),
    "style": str(STROKES),
    "style_size": 12,
}
IMAGES = jax.random.uniform(jax.random.key(1), (3, 8, 8, 1), minval=-1.0)
KEY = jax.random.key(0)


def filled(shapes):
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda x: draw.uniform(0.1, 1, x.shape).astype(np.float32) - 0.3, shapes)


@pytest.fixture(autouse=True)
def untrained(monkeypatch, tmp_path):
    """The domain's classifier is not trained, and what it is fitted to is told."""
    told = []

    def fit(rows, num_classes, recipe, seed, say):
        told.append(rows)
        image = jnp.zeros((1, *rows[0].shape[1:]))
        network = Classifier(num_classes)
        made = jax.eval_shape(lambda: network.init(jax.random.key(0), image, train=False))
        variables = filled(made)
        variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])
        return variables

    monkeypatch.setattr(domain, "fit", fit)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return told


def made(**fields):
    variant = variants.made(FastStyle, {**FIELDS, **fields})
    return variant, variant.build()


def digits(targets=None):
    draw = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 1)).astype(np.uint8)
    return data.in_memory("x", "train", draw, np.arange(4), 4, targets)


def gram(layer):
    """Equation 3, of one image."""
    rows = np.asarray(layer, np.float64).reshape(-1, layer.shape[-1])
    return rows.T @ rows / layer.size


def test_the_loss_is_that_of_the_paper():
    told = {"content_weight": 0.5, "style_weight": 3.0, "variation": 0.25}
    variant, method = made(**told)
    state = jax.jit(method.init)(KEY, {"image": IMAGES, **method.prepare(digits())})
    seen, grams = state.extras[KEPT], state.extras[GRAMS]
    layers = FIELDS["style_layers"]
    look = jax.jit(lambda x: maps.apply("domain", layers, seen, x))

    @jax.jit
    def loss(state):
        run_of = lambda name, *inputs: Players(variant.players).apply(state.nets, name, *inputs)  # noqa: E731
        rows = {"image": IMAGES, "extras": state.extras}
        return run_of("g", IMAGES), variant.g_loss(run_of, rows)

    fake, (value, metrics) = loss(state)
    of_fake, of_image = look(fake), look(IMAGES)
    pairs = [np.asarray(x["conv_1"], np.float64) for x in (of_fake, of_image)]
    content = np.mean((pairs[0] - pairs[1]) ** 2)
    picture = images.fit(images.decode(STROKES), 12, 1)[None].astype(np.float32) / 127.5 - 1
    of_style = look(picture)
    style = 0.0
    for name in layers:
        wanted = gram(of_style[name][0])
        np.testing.assert_allclose(grams[name], wanted, rtol=1e-4, atol=1e-6)
        found = [gram(layer) for layer in of_fake[name]]
        style += np.mean([np.sum((g - wanted) ** 2) for g in found])
    x = np.asarray(fake, np.float64)
    variation = (np.diff(x, axis=1) ** 2).sum() / 3 + (np.diff(x, axis=2) ** 2).sum() / 3
    assert min(content, style, variation) > 1e-4
    for name, expected in (("content", content), ("style", style), ("variation", variation)):
        np.testing.assert_allclose(metrics[f"g/{name}"], expected, rtol=1e-4, err_msg=name)
    expected = 0.5 * content + 3.0 * style + 0.25 * variation
    np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_images_of_any_size_come_back_in_it():
    """A side that is no multiple of 4 is made so by its last row or column."""
    variant, method = made()
    state = jax.jit(method.init)(KEY, {"image": IMAGES})
    g = jax.jit(lambda x: Players(variant.players).apply(state.nets, "g", x))
    generate = jax.jit(method.generate)
    given = jax.random.uniform(KEY, (2, 9, 6, 1), minval=-1.0)
    out = generate(state, method.latents(KEY, 2), image=given)
    assert out.shape == given.shape
    rows, columns = [*range(9), 8, 8, 8], [*range(6), 5, 5]
    np.testing.assert_allclose(out, g(given[:, rows][:, :, columns])[:, :9, :6], atol=1e-6)
    whole = generate(state, method.latents(KEY, 3), image=IMAGES)
    np.testing.assert_allclose(whole, g(IMAGES), atol=1e-6)


def test_the_classifier_is_of_the_images_and_its_layers_are_kept(untrained):
    _, method = made()
    source = digits(np.zeros((4, 16, 16, 1), np.uint8))
    kept = jax.jit(method.init)(KEY, {"image": IMAGES, **method.prepare(source)}).extras
    np.testing.assert_array_equal(untrained[0][0], source.read(np.arange(4))["image"])
    assert set(kept) == {KEPT, GRAMS}
    assert set(kept[KEPT]["params"]) == {"Conv_0", "Conv_1", "BatchNorm_0", "BatchNorm_1"}
    assert {name: x.shape for name, x in kept[GRAMS].items()} == {
        "conv_0": (24, 24),
        "conv_1": (48, 48),
    }
    bare = jax.eval_shape(method.init, KEY, {"image": IMAGES}).extras
    shape = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)  # noqa: E731
    assert shape(bare) == shape(kept)


@pytest.mark.parametrize(("channels", "told"), [(1, "is taken in grey"), (3, "is taken as colour")])
def test_a_style_is_brought_to_the_channels_of_the_images(tmp_path, caplog, channels, told):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    path = tmp_path / "style.png"
    Image.fromarray(pixels if channels == 1 else pixels[..., 0]).save(path)
    variant, _ = made(style=str(path), style_size=0, shape=(8, 8, channels))
    found = variant.picture()
    assert told in caplog.text
    assert found.shape == (1, 9, 7, channels)
    grey = pixels[..., :1] if channels == 3 else pixels @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose((found[0] + 1) * 127.5 - grey.reshape(9, 7, 1), 0, atol=0.51)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"style": ""}, "method.style is missing"),
        ({"extractor": "inception"}, "method.weights is the file of"),
        ({"weights": "a.npz"}, "method.weights is the file of"),
        ({"content_layers": ()}, "must name layers"),
        ({"variation": -1.0}, "at least 0"),
        ({"style_weight": 0.0}, "leaves nothing to learn"),
        ({"shape": (2,)}, "a style is given to images, grey or in colour"),
        ({"shape": (8, 8, 2)}, "a style is given to images, grey or in colour"),
        ({"extractor": "vgg"}, "extractor must be one of domain, inception"),
        ({"style_layers": ("conv_9",)}, "no layer 'conv_9'; they are conv_0, conv_1"),
    ],
)
def test_what_no_run_can_have_is_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        jax.eval_shape(made(**fields)[1].init, KEY, {"image": IMAGES})


@pytest.fixture
def trained(tmp_path, untrained):
    """A run of two steps by a picture that is there no more, nor its classifier."""
    style = tmp_path / "style.png"
    shutil.copy(STROKES, style)
    settings = smoke("fast_style_digits", f"method.style={style}", "steps=2", "sample.n=3")
    assert run(settings, tmp_path / "run") == 0
    style.unlink()
    shutil.rmtree(tmp_path / "cache")
    untrained.clear()
    return settings, tmp_path / "run"


@pytest.mark.slow
def test_a_run_goes_on_and_translates_without_the_files(trained, untrained, tmp_path, capsys):
    settings, workdir = trained
    with pytest.raises(errors.UserError, match=r"config.method.style: cannot read the image"):
        run(settings, tmp_path / "another")
    assert not (tmp_path / "another").exists()
    kept = jaxgan.load(workdir).state.extras
    with settings.unlocked():
        settings.steps = 4
    assert run(settings, workdir) == 0
    gan = jaxgan.load(workdir)
    assert gan.step == 4
    assert untrained == []
    assert same_bits(gan.state.extras, kept)
    photo = np.random.default_rng(0).uniform(-1, 1, (1, 9, 14, 1)).astype(np.float32)
    assert gan.translate(photo).shape == photo.shape
    capsys.readouterr()
    assert main.main(["--mode=evaluate", f"--workdir={workdir}"]) == 2
    told = capsys.readouterr().err
    assert "there is nothing to compare with what it makes of images" in told
    assert told.count("\n") == 1


def test_input_and_output_are_drawn_side_by_side():
    """No target, also where the data have one: it is not what the output should be."""
    settings = smoke("fast_style_digits", "data.name=digit_edges", "sample.n=3")
    splits = data.Splits(settings.data)
    ready = program.prepare(settings, splits=splits)
    state = ready.start()["state"]
    shown = drawing.choose(ready, splits)
    assert "target" in shown.rows
    found = drawing.draw(ready, state, shown)
    given = shown.rows["image"]
    made = ready.method.generate(state, ready.method.latents(KEY, 3), image=given)
    expected = pictures.picture(np.concatenate([given, made], axis=2))
    assert found["step"].size == expected.size
    gap = np.abs(np.asarray(found["step"], int) - np.asarray(expected, int))
    assert gap.max() <= 1


INCEPTION = {
    "method.style_size": 0,
    "method.extractor": "inception",
    "method.weights": "not asked for",
    "method.content_layers": "conv,conv_1",
    "method.style_layers": "conv,conv_1",
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method.extractor": "none"}, "extractor must be one of domain, inception"),
        ({"evaluation.every": 1}, "there is nothing to compare with what it makes of images"),
        ({"method.style": "tests/no.png"}, "config.method.style: cannot read the image tests/no"),
        ({"method.style": __file__}, "config.method.style: cannot read the image"),
        ({**INCEPTION, "method.style": "{tiny}"}, "tiny.png: images of 4 x 4 are too small for"),
        ({"data.labels": False}, "the domain extractor needs labels, and x has none"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_written(tmp_path, change, told):
    Image.new("L", (4, 4)).save(tmp_path / "tiny.png")
    labels = change.get("data.labels", True)
    tiny = tmp_path / "tiny.png"
    given = {k: str(v).format(tiny=tiny) for k, v in change.items() if k != "data.labels"}
    settings = smoke("fast_style_digits", *(f"{k}={v}" for k, v in given.items()))
    sources = {split: digits() for split in ("train", "test")}
    if not labels:
        sources = {
            name: replace(source, num_classes=0, labels=None) for name, source in sources.items()
        }
    splits = data.Splits(settings.data, _sources={n: {"image": s} for n, s in sources.items()})
    with pytest.raises(errors.UserError, match=told) as caught:
        program.prepare(settings, splits=splits)
    assert "\n" not in str(caught.value)
