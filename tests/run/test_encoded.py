"""Data in a latent space: what a method is given, what others see, and whose latents they are."""

import contextlib
import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import data, main
from jaxgan.base import processes
from jaxgan.base.errors import UserError
from jaxgan.latent import generator
from jaxgan.run import autoencoders, encoded, feed, judge, plan, program, run_folder, sampling
from jaxgan.watch import pictures
from tests.conftest import EXPERIMENTS, log_lines, run, same_bits, smoke, stop_at
from tests.linear import LATENT, SHAPE, linear, matrix, settings, shelved

pytestmark = pytest.mark.usefixtures("quick_classifier")
STEPS = 3
# Of the linear autoencoder.
SCALE, SHIFT = 0.5, 0.25
# Networks that latents of 4 x 4 are not too small for.
FLAT = ("method.generator.name=mlp", "method.discriminator.name=mlp")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Latents are kept for the tests of this file; those that count begin with none."""
    folder = tmp_path_factory.mktemp("latents")
    with pytest.MonkeyPatch.context() as patch:
        shelved(patch, folder)
        yield folder


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """A shelf of its own, and nothing kept."""
    return shelved(monkeypatch, tmp_path / "cache")


def counting(shelf):
    """The autoencoder on a shelf, whose encoder's calls of one batch each are counted."""
    calls = []
    own = linear()

    def encode(variables, images):
        jax.debug.callback(lambda: calls.append(len(images)))
        return own.encode(variables, images)

    shelf.found["linear"] = linear(encode=encode)
    return calls


def pixels(split="train"):
    source = data.open_source(smoke("gan_digits").data, split)
    rows = source.read(np.arange(source.size))
    return data.to_float(rows)["image"], rows["label"]


def moments_of(images):
    mean = images.reshape(len(images), -1) @ matrix()
    deviation = np.broadcast_to(0.5 * (images + 1).mean(axis=(1, 2, 3))[:, None], mean.shape)
    return (x.reshape(-1, *LATENT) for x in (mean, deviation))


def test_rows_are_the_latents_of_images_and_of_mirrored_ones():
    config = settings("cgan_digits", "data.flip=True")
    images, labels = pixels()
    rows = data.whole(encoded.of(config).sources()["image"])
    assert rows["image"].dtype == np.float16
    mean, deviation = np.split(rows["image"].astype(np.float32), 2, axis=-1)
    for part, x in enumerate((images, images[:, :, ::-1])):
        own = slice(part * len(x), (part + 1) * len(x))
        means, deviations = moments_of(x)
        np.testing.assert_allclose(mean[own], means, rtol=6e-4, atol=2e-5)
        np.testing.assert_allclose(deviation[own], deviations, rtol=6e-4, atol=2e-5)
        np.testing.assert_array_equal(rows["label"][own], labels)
    assert len(mean) == 2 * len(images)


def test_what_is_kept_is_not_encoded_a_second_time(shelf):
    calls, config = counting(shelf), settings("gan_digits")
    first = encoded.of(config)
    kept = first.sources()["image"]
    jax.effects_barrier()
    assert first.kept
    assert len(calls) == -(-kept.size // encoded.BATCH)
    again = encoded.of(config)
    assert same_bits(data.whole(again.sources()["image"]), data.whole(kept))
    jax.effects_barrier()
    assert len(calls) == -(-kept.size // encoded.BATCH)
    # Other pixels of the same data are other latents.
    shelf.found["linear"] = linear(digest="d2")
    assert not encoded.of(config).kept


def first_batches(config, count=1):
    """What the step gives a method in place of the batch's moments, of the first steps."""
    trained_on = encoded.of(config)
    ready = program.prepare(config, trained_on)
    sources, seen = trained_on.sources(), []
    dataset, batches = ready.dataset(sources), ready.batches(sources, 0)

    def step(state, batch, key):
        jax.debug.callback(lambda x: seen.append(np.asarray(x)), batch["image"], ordered=True)
        return state.replace(step=state.step + 1), {"g/loss": batch["image"].sum()}

    now, carry = ready.at(0), ready.start()
    metrics = {"g/loss": jax.ShapeDtypeStruct((), np.float32)}
    carry["totals"] = program.totals.zero(metrics, carry["state"])
    compiled = jax.jit(lambda *given: now._step(step, *given))
    for _ in range(count):
        carry = compiled(carry, dataset, next(batches), ready.key)
    jax.effects_barrier()
    return ready, seen


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_latents_are_drawn_about_their_means(placement):
    config = settings("gan_digits", "batch_size=512", "steps=40", f"data.placement={placement}")
    ready, seen = first_batches(config, 40)
    assert ready.spec.shape == LATENT
    assert ready.shape == SHAPE
    images, _ = pixels()
    mean, deviation = moments_of(images)
    deviations = []
    for step, found in enumerate(seen):
        rows = data.indices(config.seed, step, size=len(images), batch_size=512)
        deviations.append(((found / SCALE + SHIFT) - mean[rows]) / deviation[rows])
    n = np.stack(deviations)
    error = 1 / np.sqrt(n.size)
    assert abs(n.mean()) < 5 * error
    assert abs(n.std() - 1) < 5 * error
    # Of each value of a latent as well, and of none as of another, or as in another step.
    each = n.reshape(-1, *LATENT)
    assert np.abs(each.mean(axis=0)).max() < 5 / np.sqrt(len(each))
    assert np.abs(np.corrcoef(each.reshape(len(each), -1).T) - np.eye(32)).max() < 0.05
    assert abs(np.corrcoef(n[0].ravel(), n[1].ravel())[0, 1]) < 0.05


def test_streamed_latents_are_those_drawn_on_the_device():
    device, stream = (
        first_batches(settings("gan_digits", f"data.placement={placement}"), 2)[1]
        for placement in ("device", "stream")
    )
    assert same_bits(device, stream)


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_a_method_may_look_at_the_images_behind_its_latents(placement):
    aligned = ("method.alignment.extractor=domain", "method.alignment.layers=('conv_0',)")
    config = settings("gat_digits", "data.flip=True", f"data.placement={placement}", *aligned)
    assert config.method.pixel_shape == SHAPE
    trained_on = encoded.of(config)
    ready = program.prepare(config, trained_on)
    sources = trained_on.sources()
    dataset, batch = ready.dataset(sources), next(ready.batches(sources, 0))
    rows = data.to_float(batch if dataset is None else feed.pick(dataset, batch))
    mean, _ = moments_of(np.asarray(rows["pixels"]))
    found = np.split(np.asarray(rows["image"], np.float32), 2, axis=-1)[0]
    np.testing.assert_allclose(found, mean, rtol=6e-4, atol=2e-5)
    assert ready.start()["state"].extras["features"]


def test_mirrored_images_are_in_the_batches_once():
    config = settings("gan_digits", "data.flip=True")
    trained_on = encoded.of(config)
    ready = program.prepare(config, trained_on)
    (part,) = ready.parts(trained_on.sources())
    assert part.source.size == 2 * ready.spec.size == 2 * len(pixels()[0])


def after_steps(count, mode, *overrides):
    changed = settings("cgan_digits", *FLAT, *overrides)
    with changed.unlocked():
        changed.parallel.devices, changed.parallel.mode = count, mode
        for key in changed.method:
            if key.endswith("optimizer"):
                changed.method[key] = {"name": "sgd", "learning_rate": 1e-2}
    trained_on = encoded.of(changed)
    ready = program.prepare(changed, trained_on)
    sources = trained_on.sources()
    carry, dataset, batches = ready.start(), ready.dataset(sources), ready.batches(sources, 0)
    for i in range(STEPS):
        carry = ready.at(i).step(carry, dataset, next(batches), ready.key)
    return jax.device_get(carry)


@pytest.fixture(scope="module")
def one_device():
    return after_steps(1, "jit")


@pytest.mark.parametrize("placement", ["device", "stream"])
@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_4_devices_do_not_matter(one_device, mode, placement):
    many = after_steps(4, mode, f"data.placement={placement}")
    flat, _ = jax.tree_util.tree_flatten_with_path(one_device)
    for (path, expected), found in zip(flat, jax.tree.leaves(many), strict=True):
        name = jax.tree_util.keystr(path)
        if "accuracy" not in name:  # a count of signs: rounding may flip one
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_9_several_steps_in_a_call_are_as_many_steps(tmp_path):
    overrides = ("steps=6", "log.every=6", "checkpoint.every=0", "sample.every=0")
    for k in (1, 3):
        run(settings("gan_digits", *overrides, f"steps_per_call={k}"), tmp_path / str(k))
    assert log_lines(tmp_path / "1") == log_lines(tmp_path / "3")


RUN = ("steps=12", "log.every=3", "checkpoint.every=6", "sample.every=6", "evaluation.every=0")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole") / "run"
    assert run(settings("cgan_digits", *FLAT, *RUN), workdir) == 0
    return workdir


def test_5_a_resumed_run_ends_in_the_same_bits(whole, tmp_path, monkeypatch):
    stop_at(monkeypatch, 7)
    assert run(settings("cgan_digits", *FLAT, *RUN), tmp_path) == 75
    monkeypatch.undo()
    # Encoded once more, as on another machine.
    shelved(monkeypatch, tmp_path / "cache")
    assert run(settings("cgan_digits", *FLAT, *RUN), tmp_path) == 0
    assert same_bits(jaxgan.load(whole).state, jaxgan.load(tmp_path).state)
    assert log_lines(whole) == log_lines(tmp_path)
    names = [p.name for p in (whole / "samples").iterdir()]
    assert len(names) >= 3
    for name in names:
        assert (whole / "samples" / name).read_bytes() == (tmp_path / "samples" / name).read_bytes()


def decoded(values):
    z = np.asarray(values).reshape(len(values), -1) / SCALE + SHIFT
    return (z @ matrix().T).reshape(-1, *SHAPE).clip(-1, 1)


def test_samples_are_decoded_and_cut_off(whole):
    gan = jaxgan.load(whole)
    assert gan.program.shape == SHAPE
    assert "8 x 8 x 1" in repr(gan)
    latents = gan.latents(jax.random.key(0), 70)  # more than are decoded at a time
    found = gan.generate(latents, labels=np.arange(70) % 10)
    assert found.shape == (70, *SHAPE)
    values = gan.method.generate(gan.state, latents, averaged=True, labels=np.arange(70) % 10)
    np.testing.assert_allclose(found, decoded(values), atol=1e-5)
    of = generator.of(gan)
    assert of.shape == SHAPE
    np.testing.assert_allclose(of.images(latents, np.arange(70) % 10).clip(-1, 1), found, atol=1e-5)


def test_pictures_are_of_images(whole):
    gan = jaxgan.load(whole)
    key, n = gan.program.purpose_key(program.SAMPLE), gan.config.sample.n
    latents, labels = sampling.latents(gan.program, key, n), np.arange(n) % 10
    values = decoded(gan.method.generate(gan.state, latents, averaged=True, labels=labels))
    with Image.open(whole / "samples" / "step_00000012.png") as grid:
        found = np.asarray(grid, np.int32)
    expected = np.asarray(pictures.grid(values), np.int32)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1


def test_a_command_line_samples_images(whole, tmp_path):
    out = tmp_path / "samples.npz"
    assert main.main(["--mode=sample", f"--workdir={whole}", "--n=5", f"--out={out}"]) == 0
    with np.load(out) as found:
        assert found["images"].shape == (5, *SHAPE)
        assert found["images"].dtype == np.uint8


def test_evaluation_sees_images(whole, monkeypatch, caplog):
    seen = []
    measure = judge.evaluation.open_evaluator

    def opened(*args, **kwargs):
        evaluator = measure(*args, **kwargs)
        seen.append(evaluator.splits.spec().shape)
        return evaluator

    monkeypatch.setattr(judge.evaluation, "open_evaluator", opened)
    judge.evaluate(whole, None, None, 50)
    assert seen == [SHAPE]
    (path,) = (whole / "evaluation").glob("*.json")
    result = json.loads(path.read_text())
    assert result["protocol"]["values"] == "8 bits"
    assert {"d_training", "d_held_out", "d_generated"} <= set(result["figures"])
    assert "the data have changed" not in caplog.text


def test_a_discriminator_judges_the_latents_of_images(whole):
    gan = jaxgan.load(whole)
    images, _ = pixels("test")
    mean, _ = moments_of(images[:40])
    expected = gan.method.scores(gan.state, (mean - SHIFT) * SCALE)
    found = gan.program.at(gan.step).scores(gan.state, images[:40])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def told(*overrides, name="gan_digits"):
    """The one line that a config is refused with, as the command line has it."""
    with pytest.raises(UserError) as error:
        program.prepare(settings(name, *overrides))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_input_is_told_in_a_line(shelf):
    shelf.found["large"] = linear(shape=(16, 16, 3))
    assert "linea is not the folder of a run" in told("data.latent=linea")
    assert "large is of images [16, 16, 3], and digits has [8, 8, 1]" in told("data.latent=large")
    assert "those of dataset 'ring' are points" in told("data.name=ring", "evaluation.every=0")
    low = told("data.low_resolution=2", name="srgan_digits")
    assert "dataset 'digits' has targets beside them" in low
    domains = told("data.domains=0,1", name="cyclegan_digits")
    assert "dataset 'digits' has targets beside them" in domains


@pytest.mark.parametrize(
    ("conditions", "entries"), [(("image",), ("image",)), ((), ("image", "target"))]
)
def test_a_method_that_makes_images_of_images_is_refused(conditions, entries):
    method = SimpleNamespace(conditions=conditions, entries=entries)
    encoded.check(None, method, "method 'own'")
    with pytest.raises(UserError, match=r"own. makes images of images, and data\.latent"):
        encoded.check(linear(), method, "method 'own'")


def test_a_config_is_not_read_without_the_autoencoder():
    with pytest.raises(UserError, match=r"needs describe=jaxgan\.run\.encoded\.describe"):
        smoke("gan_digits", "data.latent=linear")


@pytest.mark.parametrize("other", [{"digest": "d2"}, {"scale": (0.5, 0.6)}, {"shift": (0.0, 0.25)}])
def test_a_run_wants_the_autoencoder_that_it_began_with(whole, shelf, other):
    shelf.found["linear"] = linear(**other)
    (name,) = other
    expected = rf"latents are of another autoencoder than data\.latent names: {name} was"
    with pytest.raises(UserError, match=expected):
        jaxgan.load(whole)
    with pytest.raises(UserError, match=expected):
        run(settings("cgan_digits", *FLAT, *RUN, "steps=13"), whole)
    assert judge.checkpoint.steps(whole / "checkpoints")[-1] == 12


def test_nothing_is_encoded_for_a_run_that_may_not_go_on(whole, shelf, tmp_path):
    calls = counting(shelf)
    with pytest.raises(UserError, match="has another config: seed was 0, now 1"):
        run(settings("cgan_digits", *FLAT, *RUN, "seed=1"), whole)
    jax.effects_barrier()
    assert calls == []
    assert not (tmp_path / "cache").exists()


def test_processes_are_joined_before_an_autoencoder_is_read(shelf, tmp_path, monkeypatch):
    order = []

    @contextlib.contextmanager
    def joined():
        order.append("joined")
        yield

    def load(path, shape=None):
        order.append("read")
        raise UserError("no autoencoder")

    monkeypatch.setattr(processes, "joined", joined)
    monkeypatch.setattr(autoencoders, "load", load)
    config = [f"--config={EXPERIMENTS}/gan_digits.py", "--smoke", "--config.data.latent=linear"]
    assert main.main([*config, f"--workdir={tmp_path / 'run'}"]) == 2
    assert main.main([*config, "--dry_run"]) == 2  # which is of one process
    assert order == ["joined", "read", "read"]
    assert not (tmp_path / "run").exists()


def test_a_run_wants_its_autoencoder(whole, shelf):
    shelf.found.clear()
    with pytest.raises(UserError, match=r"config\.data\.latent: linear is not the folder"):
        jaxgan.load(whole)


def test_the_autoencoder_may_move(whole, shelf, tmp_path):
    shelf.found["moved"] = shelf.found.pop("linear")
    moved = settings("cgan_digits", *FLAT, *RUN, "data.latent=moved", "steps=12")
    run_folder.check(whole, run_folder.describe(moved, "", encoded.describe(moved.data), linear()))


def test_a_run_of_pixels_does_not_go_on_in_latents(tmp_path):
    """Also where latents have the pixels' shape."""
    config = settings("gan_digits", "data.latent=")
    spec = data.describe(config.data)
    run_folder.claim(tmp_path, run_folder.describe(config, "", spec))
    config.data.latent = "linear"
    with pytest.raises(UserError, match="goes on in pixels or in latents, as it began"):
        run_folder.check(tmp_path, run_folder.describe(config, "", spec, linear()))


def test_pixels_are_told_as_they_were(tmp_path):
    config = smoke("gan_digits")
    ready = program.prepare(config)
    stored = run_folder.describe(config, "", ready.spec, ready.autoencoder)
    assert run_folder.AUTOENCODER not in stored
    assert isinstance(encoded.of(config), data.Splits)
    del stored["data"]["latent"]  # as an older version stored it
    run_folder.claim(tmp_path, stored)
    run_folder.check(tmp_path, run_folder.describe(config, "", ready.spec))


def test_a_plan_says_what_would_be_encoded(shelf):
    calls, config = counting(shelf), settings("gan_digits", "data.flip=True")
    text, count = plan.describe(config), 2 * len(pixels()[0])
    line = f"latents: {count:,} images, mirrored ones among them, would be encoded by linear to "
    assert line + "[4, 4, 2], 383 kB" in text
    assert calls == []
    encoded.of(config).sources()
    assert "are encoded already" in plan.describe(config)


def test_an_encoding_method_gets_latents_and_gives_images(tmp_path):
    """Of images by their means; what is made again is an image."""
    overrides = ("steps=2", "checkpoint.every=0", "sample.every=2", "evaluation.every=2")
    assert run(settings("bigan_digits", *overrides, "evaluation.n=50"), tmp_path) == 0
    names = {p.name for p in (tmp_path / "samples").iterdir()}
    assert "reconstructions_00000002.png" in names
    assert "eval/reconstruction_l1" in log_lines(tmp_path)[-1]
    gan = jaxgan.load(tmp_path)
    images, _ = pixels("test")
    codes = gan.encode(images[:40])
    mean, _ = moments_of(images[:40])
    expected = gan.method.encode(gan.state, (mean - SHIFT) * SCALE, averaged=True)
    np.testing.assert_allclose(codes, expected, atol=1e-4)
    assert gan.generate(codes).shape == (40, *SHAPE)
    error = np.square(gan.generate(codes) - images[:40]).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(gan.anomaly(images[:40]), error, rtol=1e-4)


def test_a_likelihood_of_latents_is_none_of_images(tmp_path):
    overrides = ("steps=2", "checkpoint.every=0", "sample.every=0", "evaluation.every=2")
    gaussian = ("method.likelihood=gaussian", "evaluation.n=50")
    assert run(settings("vae_digits", *overrides, *gaussian), tmp_path) == 0
    line = log_lines(tmp_path)[-1]
    assert "eval/reconstruction_l1" in line
    assert "eval/elbo" not in line


def test_what_a_method_prepares_of_the_data_are_latents():
    ready = program.prepare(settings("sgan_digits"))
    prepared = ready.prepared()
    images, labels = pixels()
    source = encoded.of(ready.config).source()
    mean, _ = moments_of(images)
    found = source.read(np.arange(source.size))
    np.testing.assert_allclose(found["image"], (mean - SHIFT) * SCALE, rtol=2e-3, atol=2e-4)
    np.testing.assert_array_equal(found["label"], labels)
    assert {x.shape[1:] for x in jax.tree.leaves(prepared) if np.ndim(x) == 4} == {LATENT}


def test_seeds_side_by_side_draw_apart(tmp_path):
    """Each lane is the run of its seed: its latents too."""
    overrides = ("steps=3", "log.every=1", "checkpoint.every=0", "sample.every=0")
    own = settings("gan_digits", *overrides, "seed=1")
    assert run(own, tmp_path / "one") == 0
    assert run(settings("gan_digits", *overrides, "seeds=2"), tmp_path / "two") == 0
    (lane,) = (p for p in (tmp_path / "two").rglob("metrics.jsonl") if "1" in p.parent.name)
    for left, right in zip(log_lines(tmp_path / "one"), log_lines(lane.parent), strict=True):
        assert left.keys() == right.keys()
        for name in ("d/loss", "g/loss"):
            np.testing.assert_allclose(left.get(name, 0), right.get(name, 0), rtol=1e-5)
