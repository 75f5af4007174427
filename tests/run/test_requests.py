"""What a loaded model may be asked for."""

import dataclasses
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data
from jaxgan.base import errors
from jaxgan.run import program, trained, written
from tests.conftest import EXPERIMENTS, smoke
from tests.test_main import command  # noqa: F401

KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def models():
    """Untrained models by method, built once."""
    made = {}

    def model(name):
        if name not in made:
            ready = program.prepare(smoke(f"{name}_digits", "evaluation.every=0"))
            made[name] = trained.Model(ready, ready.start()["state"], 0)
        return made[name]

    return model


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (10, "'labels' must be from 0 to 9, not 10 to 10"),
        (-1, "'labels' must be from 0 to 9, not -1 to -1"),
        ([0, 1, 10], "'labels' must be from 0 to 9, not 0 to 10"),
        (3.7, "'labels' must be whole numbers from 0 to 9, not 3.7"),
        (np.array([0.0, 1.0, 2.0]), "must be whole numbers from 0 to 9, not float64 [3]"),
        (np.nan, "must be whole numbers from 0 to 9, not nan"),
        (True, "must be whole numbers from 0 to 9, not True"),
        ([0, 1], "'labels' has 2 rows for 3 samples"),
        (np.eye(10, dtype=int)[:3], "'labels' must be [3] or one for all, not [3, 10]"),
        ("seven", "unknown class 'seven'"),
        (["1", "x", "2"], "unknown class 'x'"),
        ([None] * 3, "must be whole numbers"),
    ],
)
@pytest.mark.parametrize("name", ["cgan", "acgan"])
def test_a_label_that_is_no_class_is_refused(models, name, labels, told):
    with pytest.raises(errors.UserError) as refused:
        models(name).sample(KEY, 3, labels=labels)
    assert told in str(refused.value)


def test_a_class_is_named_by_its_number_or_its_name(models):
    model = models("cgan")
    assert model.classes == tuple("0123456789")
    expected = model.sample(KEY, 3, labels=np.array([7, 1, 7]))
    np.testing.assert_array_equal(model.sample(KEY, 3, labels=["7", "1", "7"]), expected)
    sevens = model.sample(KEY, 3, labels=7)
    np.testing.assert_array_equal(model.sample(KEY, 3, labels="7"), sevens)
    assert not np.array_equal(sevens, expected)


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"categorical": 10}, "'categorical' must be from 0 to 9"),
        ({"categorical": 1.5}, "'categorical' must be whole numbers"),
        ({"continuous": np.inf}, "'continuous' must be numbers"),
        ({"continuous": np.ones((2, 2))}, "'continuous' has 2 rows for 3 samples"),
        ({"continuous": "left"}, "'continuous' must be numbers, not 'left'"),
    ],
)
def test_a_code_that_is_none_is_refused(models, conditions, told):
    with pytest.raises(errors.UserError, match=told):
        models("infogan").sample(KEY, 3, **conditions)


def test_a_file_of_samples_says_their_labels(models, tmp_path):
    written.write(models("cgan"), tmp_path / "all.npz", 12, 0)
    written.write(models("cgan"), tmp_path / "some.npz", 5, 0, labels=["3", "8"])
    with np.load(tmp_path / "all.npz") as stored:
        np.testing.assert_array_equal(stored["labels"], [*range(10), 0, 1])
        assert stored["images"].shape == (12, 8, 8, 1)
    with np.load(tmp_path / "some.npz") as stored:
        np.testing.assert_array_equal(stored["labels"], [3, 8, 3, 8, 3])
    written.write(models("gan"), tmp_path / "none.npz", 5, 0)
    with np.load(tmp_path / "none.npz") as stored:
        assert stored.files == ["images"]


def test_the_command_line_asks_for_classes(tmp_path, command):  # noqa: F811
    digits = f"--config={EXPERIMENTS}/cgan_digits.py"
    quick = ("--config.steps=1", "--config.sample.every=0", "--config.evaluation.every=0")
    run, out = f"--workdir={tmp_path / 'run'}", tmp_path / "some.npz"
    assert command(digits, "--smoke", *quick, run)[0] == 0
    sample = ("--mode=sample", run, f"--out={out}", "--n=4")
    assert command(*sample, "--labels=7,2")[0] == 0
    with np.load(out) as stored:
        np.testing.assert_array_equal(stored["labels"], [7, 2, 7, 2])
    for labels, told in (("11", "must be from 0 to 9"), ("7,dog", "unknown class 'dog'")):
        code, _, err = command(*sample, f"--labels={labels}")
        assert (code, len(err.splitlines())) == (2, 1)
        assert told in err
    assert "--labels is for --mode=sample" in command("--mode=evaluate", run, "--labels=1")[2]


def test_samples_are_generated_from_latents_of_their_own(models):
    model, codes = models("infogan"), models("infogan").latents(KEY, 5)
    assert set(codes) == {"z", "categorical", "continuous"}
    assert {len(rows) for rows in codes.values()} == {5}
    whole = model.generate(codes)
    np.testing.assert_array_equal(whole, model.sample(KEY, 5))
    # Some of the rows, in any order, and with something of them changed.
    some = {name: rows[[3, 1]] for name, rows in codes.items()}
    np.testing.assert_allclose(model.generate(some), whole[[3, 1]], rtol=1e-5, atol=1e-6)
    turned = model.generate({**codes, "continuous": -codes["continuous"]})
    np.testing.assert_array_equal(turned, model.generate(codes, continuous=-codes["continuous"]))
    assert np.abs(turned - whole).max() > 1e-4


@pytest.mark.parametrize("name", ["cgan", "acgan"])
def test_latents_know_nothing_of_labels(models, name):
    model, labels = models(name), np.array([4, 4, 7])
    z = model.latents(KEY, 3)
    assert z.shape == (3, model.config.method.latent_dim)
    sampled = model.sample(KEY, 3, labels=labels)
    np.testing.assert_array_equal(model.generate(z, labels=labels), sampled)
    with pytest.raises(errors.UserError, match="'labels' has 3 rows for 2 samples"):
        model.generate(z[:2], labels=labels)


def test_no_latents_of_no_samples(models):
    with pytest.raises(errors.UserError, match="at least 1, not 0"):
        models("gan").latents(KEY, 0)
    with pytest.raises(errors.UserError, match="at least 1, not 0"):
        models("gan").generate(models("gan").latents(KEY, 2)[:0])


@pytest.mark.parametrize(
    ("key", "n", "told"),
    [
        (0, 2, r"a random key is due, such as jax.random.key\(0\), not 0"),
        (np.zeros(3), 2, "a random key is due"),
        (jax.random.split(KEY), 2, "a random key is due"),
        (KEY, 2.5, "the number of samples must be whole, not 2.5"),
        (KEY, 10**15, r"1,000,000,000,000,000 samples \[8, 8, 1\] need 256000000.0 GB, and"),
    ],
)
def test_what_nothing_is_drawn_by(models, key, n, told):
    with pytest.raises(errors.UserError, match=told):
        models("gan").sample(key, n)


def test_latents_are_finite(models):
    z = models("gan").latents(KEY, 2).copy()
    z[1, 3] = np.inf
    with pytest.raises(errors.UserError, match="latents must be finite"):
        models("gan").generate(z)
    np.testing.assert_array_equal(
        models("gan").latents(jax.random.PRNGKey(1), 2), models("gan").latents(KEY, 2)
    )


CODES = "{'categorical': [n, 1], 'continuous': [n, 2], 'z': [n, 62]}"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("gan", lambda z: z[:, :-1], "latents must be [n, 64], not [3, 63]"),
        ("gan", lambda z: z[0], "latents must be [n, 64], not [64]"),
        ("gan", lambda z: z[:, None], "latents must be [n, 64], not [3, 1, 64]"),
        ("gan", lambda z: 0.0, "latents must be [n, 64], not []"),
        ("gan", lambda z: None, "latents must be [n, 64], not None"),
        ("gan", lambda z: "z", "latents must be [n, 64], not str"),
        ("gan", lambda z: z.astype(str), "latents must be [n, 64], not ndarray"),
        ("gan", lambda z: {"w": z}, "latents must be [n, 64], not {'w': [3, 64]}"),
        ("gan", lambda z: z.tolist(), "latents must be [n, 64], not [[[], "),
        ("infogan", lambda c: c["z"], f"latents must be {CODES}, not [3, 62]"),
        ("infogan", lambda c: {**c, "z": c["z"][:2]}, "'z': [2, 62]}"),
        ("infogan", lambda c: {**c, "continuous": c["z"]}, "'continuous': [3, 62], 'z'"),
        ("infogan", lambda c: {"z": c["z"]}, f"latents must be {CODES}, not {{'z': [3, 62]}}"),
    ],
)
def test_latents_of_another_shape_are_refused_in_one_line(models, name, change, told):
    with pytest.raises(errors.UserError) as refused:
        models(name).generate(change(models(name).latents(KEY, 3)))
    assert told in str(refused.value)
    assert len(str(refused.value)) < 400
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shape", [(3, 7), (3, 1, 1)])
def test_a_condition_of_another_shape_is_refused_in_one_line(models, shape):
    with pytest.raises(errors.UserError, match=r"continuous codes are .*, but \[3, 2\] are due"):
        models("infogan").sample(KEY, 3, continuous=np.ones(shape))


def test_images_are_encoded_and_told_how_unlikely_they_are(models):
    model = models("vae")
    real = data.to_float(data.open_source(model.config.data, "test").read(np.arange(7)))["image"]
    z = model.encode(real)
    expected = model.method.encode(model.state, real)
    np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-5)
    assert model.generate(z).shape == real.shape
    for ask, lacks in ((model.encode, "encoder"), (model.anomaly, "likelihood, and no encoder")):
        with pytest.raises(errors.UserError, match=r"images must be \[n, 8, 8, 1\], not"):
            ask(real[0])
        with pytest.raises(errors.UserError, match=f"method 'gan' has no {lacks}"):
            getattr(models("gan"), ask.__name__)(real)


def test_an_image_is_as_unlikely_as_its_bound_says_wherever_it_stands(models):
    model = models("vae")
    real = data.to_float(data.open_source(model.config.data, "test").read(np.arange(7)))["image"]
    found = model.anomaly(real, samples=4, seed=3)
    keys = [jax.random.fold_in(jax.random.key(3), zlib.crc32(x.tobytes())) for x in real]
    draws = [jnp.stack([jax.random.fold_in(key, k) for key in keys]) for k in range(4)]
    weights = np.stack([model.method.log_weight(model.state, real, each) for each in draws])
    expected = -np.log(np.mean(np.exp(weights.astype(np.float64)), axis=0))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for rows in (slice(None, None, -1), slice(4, 5)):
        again = model.anomaly(real[rows], samples=4, seed=3)
        np.testing.assert_allclose(again, found[rows], rtol=1e-6)
    assert (abs(model.anomaly(real, samples=4, seed=4) / found - 1) > 1e-5).all()


def test_without_a_likelihood_an_image_is_as_odd_as_its_reconstruction_is_wrong(models):
    model = models("vae")
    real = data.to_float(data.open_source(model.config.data, "test").read(np.arange(7)))["image"]

    def changed(**members):
        method = dataclasses.replace(model.method, log_weight=None, **members)
        ready = dataclasses.replace(model.program, arms=(method,), mapped=(method,), _phases={})
        return dataclasses.replace(model, program=ready)

    again = model.generate(model.encode(real))
    expected = [np.mean((x.astype(np.float64) - y) ** 2) for x, y in zip(real, again, strict=True)]
    np.testing.assert_allclose(changed().anomaly(real), expected, rtol=1e-5)
    with pytest.raises(errors.UserError, match="method 'vae' has no likelihood, and no encoder"):
        changed(conditions=("labels",)).anomaly(real)
