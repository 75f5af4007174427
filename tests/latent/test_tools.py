"""Each tool against NumPy, on tiny trained runs, and its command line; mistakes are a line."""

import dataclasses
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import data, latent, main
from jaxgan.base import errors
from jaxgan.latent import directions, exploring, generator, styles
from jaxgan.networks import gat
from jaxgan.run import trained
from jaxgan.watch import film, pictures
from tests.conftest import quickly, run, smoke

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    """``trained_run(name)``: the folder of a run of two steps of an experiment."""
    home = tmp_path_factory.mktemp("latent")

    def folder(name, *overrides):
        place = home / "_".join((name, *overrides)).replace("/", "_")
        if not place.exists():
            settings = smoke(name, "evaluation.every=0", "sample.every=0", *overrides)
            if name != "progan_digits":  # whose images grow later
                with settings.unlocked():
                    settings.steps = 2
            assert run(settings, place) == 0
        return place

    return folder


@pytest.fixture(scope="module")
def gan(trained_run):
    return jaxgan.load(trained_run("gan_digits"))


@pytest.fixture(scope="module")
def cgan(trained_run):
    return jaxgan.load(trained_run("cgan_digits"))


@pytest.fixture(scope="module")
def stylegan(trained_run):
    return jaxgan.load(trained_run("stylegan2_digits"))


def command(*given):
    return main.main([str(part) for part in given])


def test_a_way_begins_and_ends_at_samples_of_its_points(cgan):
    points = cgan.latents(KEY, 3)
    samples, latents = latent.interpolate(cgan, points, 4, labels=[7, 2, 4], loop=True)
    assert samples.shape == (3, 4, 8, 8, 1)
    np.testing.assert_array_equal(latents[:, 0], points)
    own = cgan.generate(points, labels=[7, 2, 4])
    np.testing.assert_allclose(samples[:, 0], own, atol=1e-5)
    np.testing.assert_allclose(samples[:, -1], own[[1, 2, 0]], atol=1e-5)


@pytest.mark.parametrize("conditioning", ["concat", "embedding", "projection"])
def test_between_classes_the_network_is_told_a_mixture(trained_run, conditioning):
    """Of the label's row in the first layer, whatever the way it is told."""
    extra = () if conditioning == "concat" else (f"method.generator.conditioning={conditioning}",)
    own = generator.of(jaxgan.load(trained_run("cgan_digits", *extra)))
    z = np.repeat(own.draw(KEY, 1), 3, axis=0)
    mixed = np.eye(10, dtype=np.float32)[[3, 3, 5]]
    mixed[1] = (mixed[0] + mixed[2]) / 2
    found = own.images(z, mixed)
    whole = own.images(z[:2], np.array([3, 5], np.int32))
    np.testing.assert_allclose(found[[0, 2]], whole, atol=1e-5)
    assert np.abs(found[1] - found[0]).max() > 0
    assert np.abs(found[1] - found[2]).max() > 0
    if conditioning != "projection":  # told in the first layer, which is linear
        outputs = directions.first_outputs(own, z, mixed)
        np.testing.assert_allclose(outputs[1], outputs[[0, 2]].mean(axis=0), atol=1e-5)


def test_a_network_that_takes_whole_classes_alone(cgan):
    own = generator.of(cgan)

    def apply(variables, latents, labels, truncation):
        if labels.dtype != np.int32:
            raise TypeError("labels must be integers")
        return own.apply(variables, latents, labels, truncation)

    whole = dataclasses.replace(own, apply=apply)
    with pytest.raises(errors.UserError, match=r"takes whole classes alone.*must be integers"):
        latent.interpolate(whole, own.draw(KEY, 2), labels=[1, 2])
    latent.interpolate(whole, own.draw(KEY, 2), labels=[1, 1])


def test_in_w_the_way_is_straight_between_the_points_own_styles(stylegan):
    own, points = generator.of(stylegan), stylegan.latents(KEY, 2)
    samples, w = latent.interpolate(stylegan, points, 3, space="w")
    np.testing.assert_array_equal(w[0, [0, -1]], styles.mapped(own, points, None))
    np.testing.assert_allclose(w[0, 1], w[0, [0, 2]].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(samples[0, 0], stylegan.generate(points)[0], atol=1e-5)
    again, _ = latent.interpolate(stylegan, {"w": w[0, [0, -1]]}, 3, space="w")
    assert again.shape == samples.shape
    with pytest.raises(errors.UserError, match=r"w must be \[n, "):
        latent.interpolate(stylegan, {"w": w[0, :, :3]}, 3, space="w")


def test_psi_moves_w_to_its_mean(stylegan):
    latents, own = stylegan.latents(KEY, 3), generator.of(stylegan)
    samples, kind, values = latent.truncation_sweep(stylegan, latents, (0.0, 0.5, 1.0))
    assert (kind, values, samples.shape) == ("psi", (0.0, 0.5, 1.0), (3, 3, 8, 8, 1))
    np.testing.assert_allclose(samples[2], stylegan.generate(latents), atol=1e-5)
    mean = np.asarray(stylegan.state.nets["g"].ema["stats"]["w_avg"]["mean"])
    np.testing.assert_array_equal(styles.mean(own), mean)
    centre = styles.repeated(own, np.repeat(mean[None], 3, axis=0))
    np.testing.assert_allclose(samples[0], styles.painted(own, centre, latents), atol=1e-5)


def test_where_each_class_has_a_mean_psi_moves_w_to_it(trained_run):
    gan = jaxgan.load(trained_run("gat_digits"))
    own, latents = generator.of(gan), gan.latents(KEY, 3)
    table = np.asarray(gan.state.nets["g"].ema["stats"]["w_avg"]["mean"])
    samples, kind, _ = latent.truncation_sweep(gan, latents, (0, 1), labels=[4, 4, 7])
    assert kind == "psi"
    np.testing.assert_allclose(samples[0, 0], samples[0, 1], atol=1e-5)
    assert np.abs(samples[0, 0] - samples[0, 2]).max() > 0
    np.testing.assert_allclose(samples[1], gan.generate(latents, labels=[4, 4, 7]), atol=1e-5)
    np.testing.assert_array_equal(styles.mean(own, np.array([4, 7])), table[[4, 7]])
    mixed = np.eye(10)[[4, 7]].mean(axis=0, keepdims=True)
    np.testing.assert_allclose(styles.mean(own, mixed)[0], table[[4, 7]].mean(0), rtol=1e-6)
    assert styles.layers(own) == 4


def test_guidance_leads_away_from_the_mean_of_all_classes(trained_run):
    gan = jaxgan.load(trained_run("gat_digits"))
    latents, labels = gan.latents(KEY, 3), np.array([4, 7, 7], np.int32)
    samples, values = latent.guidance_sweep(gan, latents, (0.0, 1.0, 2.5), labels=labels)
    assert (samples.shape, values) == ((3, 3, 8, 8, 1), (0.0, 1.0, 2.5))
    np.testing.assert_allclose(samples[1], gan.generate(latents, labels=labels), atol=1e-5)
    g = gan.state.nets["g"].ema
    fields = {k: v for k, v in gan.config.method.generator.items() if k != "name"}
    network = gat.Generator((8, 8, 1), num_classes=10, **fields)
    variables = {"params": g["params"], **g["stats"]}
    due = network.apply(variables, latents, labels, 1.0, 2.5, train=False)
    np.testing.assert_allclose(samples[2], due, atol=1e-5)
    assert np.abs(samples[2] - samples[1]).max() > 1e-3
    others, _ = latent.guidance_sweep(gan, latents, (0.0,), labels=[0, 1, 2])
    np.testing.assert_allclose(others[0], samples[0], atol=1e-5)
    with pytest.raises(errors.UserError, match="a guidance must be finite"):
        latent.guidance_sweep(gan, latents, (np.inf,))


def test_what_has_no_classes_has_no_guidance(stylegan):
    with pytest.raises(errors.UserError, match="takes no labels"):
        latent.guidance_sweep(stylegan, stylegan.latents(KEY, 2))


def test_a_threshold_keeps_each_number_at_its_quantile(gan):
    from scipy import stats

    from jaxgan.latent.sweeps import within

    z = np.random.default_rng(0).standard_normal((4, 50)).astype(np.float32)
    due = stats.truncnorm(-0.5, 0.5).ppf(stats.norm.cdf(z.astype(np.float64)))
    np.testing.assert_allclose(within(z, 0.5), due, atol=1e-6)
    samples, kind, _ = latent.truncation_sweep(gan, gan.latents(KEY, 2), (0.5, 8.0))
    assert kind == "threshold"
    np.testing.assert_allclose(samples[1], gan.generate(gan.latents(KEY, 2)), atol=1e-4)
    with pytest.raises(errors.UserError, match="must be above 0, not 0"):
        latent.truncation_sweep(gan, gan.latents(KEY, 2), (0.0,))


def test_a_row_for_each_class_with_its_name(cgan):
    latents = cgan.latents(KEY, 2)
    samples, names = latent.class_grid(cgan, latents, [4, 0])
    assert (samples.shape, names) == ((2, 2, 8, 8, 1), [cgan.classes[4], cgan.classes[0]])
    np.testing.assert_allclose(samples[0], cgan.generate(latents, labels=4), atol=1e-6)
    assert len(latent.class_grid(cgan, latents)[1]) == 10


def test_mixing_has_the_sources_at_its_edges(stylegan):
    latents = stylegan.latents(KEY, 5)
    coarse, fine = (generator.rows(latents, part) for part in (slice(0, 2), slice(2, 5)))
    L = styles.layers(generator.of(stylegan))
    found = latent.mix(stylegan, coarse, fine, L - 1)
    assert found.shape == (3, 4, 8, 8, 1)
    np.testing.assert_allclose(found[1:, 0], stylegan.generate(coarse), atol=1e-5)
    np.testing.assert_allclose(found[0, 1:], stylegan.generate(fine), atol=1e-5)
    # The same latent on both sides is not changed by being mixed.
    alone = latent.mix(stylegan, coarse, coarse, 1)
    for i in range(2):
        np.testing.assert_allclose(alone[i + 1, i + 1], alone[i + 1, 0], atol=1e-5)
    with pytest.raises(errors.UserError, match=f"from 1 to {L - 1}, not {L}"):
        latent.mix(stylegan, coarse, fine, L)


def test_neighbours_are_those_that_numpy_finds(gan):
    source = data.Splits(gan.config.data).source()
    samples = gan.sample(KEY, 3)
    found = latent.nearest_training(samples, source, 4)
    seen = data.to_float(source.read(np.arange(source.size)))["image"].reshape(source.size, -1)
    distances = np.linalg.norm(samples.reshape(3, 1, -1) - seen[None], axis=-1)
    np.testing.assert_allclose(found.distances, np.sort(distances)[:, :4], rtol=1e-5)
    np.testing.assert_allclose(found.images.reshape(3, 4, -1), seen[found.rows])
    copies = data.to_float(source.read(np.array([5, 9])))["image"]
    again = latent.nearest_training(copies, source, 1)
    assert again.rows.ravel().tolist() == [5, 9]
    assert again.distances.max() == 0
    look = lambda images: images.reshape(len(images), -1)[:, :7].astype(float)  # noqa: E731
    assert latent.nearest_training(copies, source, 1, look).distances.max() == 0
    with pytest.raises(errors.UserError, match=r"must be images \[n, 8, 8, 1\]"):
        latent.nearest_training(samples[:, :4], source, 1)


def test_principal_axes_are_those_of_a_singular_value_decomposition():
    rows = np.random.default_rng(0).standard_normal((200, 6)) * np.arange(1, 7)
    mean, axes, scales = directions.components(rows, 3)
    _, values, vectors = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(mean, rows.mean(axis=0))
    np.testing.assert_allclose(scales, values[:3] / np.sqrt(200), rtol=1e-9)
    np.testing.assert_allclose(np.abs((axes * vectors[:3]).sum(axis=1)), 1, rtol=1e-9)


def test_principal_directions_of_w(stylegan):
    found = latent.principal(stylegan, KEY, 64, 3)
    own = generator.of(stylegan)
    w = styles.mapped(own, own.draw(KEY, 64), None).astype(np.float64)
    values = np.linalg.svd(w - w.mean(axis=0), compute_uv=False)
    assert found.space == "w"
    lengths = np.linalg.norm(found.vectors, axis=1)
    np.testing.assert_allclose(lengths, values[:3] / 8, rtol=1e-5)
    np.testing.assert_allclose(found.strengths, (values**2 / (values**2).sum())[:3], rtol=1e-5)


def test_directions_of_z_by_the_first_layer(gan):
    """Of a linear layer: GANSpace's least squares, and SeFa's eigenvectors, from its kernel."""
    own = generator.of(gan)
    params = gan.state.nets["g"].ema["params"]
    kernel = np.asarray(params["Dense_0"]["kernel"], np.float64)
    bias = np.asarray(params["Dense_0"]["bias"], np.float64)
    np.testing.assert_array_equal(directions.first_weights(own), kernel)
    z = own.draw(KEY, 300)
    np.testing.assert_allclose(directions.first_outputs(own, z, None), z @ kernel + bias, atol=1e-5)
    found = latent.principal(gan, KEY, 300, 2)
    outputs = z.astype(np.float64) @ kernel
    outputs -= outputs.mean(axis=0)
    u, _, _ = np.linalg.svd(outputs, full_matrices=False)
    due = np.linalg.lstsq(u[:, :2] * np.sqrt(300), z.astype(np.float64), rcond=None)[0]
    for one, other in zip(found.vectors, due, strict=True):
        np.testing.assert_allclose(one * np.sign(one @ other), other, atol=1e-4)
    closed = latent.closed_form(gan, 3)
    values, vectors = np.linalg.eigh(kernel @ kernel.T)
    np.testing.assert_allclose(closed.strengths, values[::-1][:3], rtol=1e-6)
    along = np.abs((closed.vectors * vectors[:, ::-1][:, :3].T).sum(axis=1))
    np.testing.assert_allclose(along, 1, rtol=1e-6)
    strips = latent.strips(gan, closed, z[:2], (-1.0, 0.0, 1.0))
    assert strips.shape == (3, 2, 3, 8, 8, 1)
    for each in strips:
        np.testing.assert_allclose(each[:, 1], gan.generate(z[:2]), atol=1e-5)


def test_closed_form_of_w_is_of_all_layers_styles(stylegan):
    found = latent.closed_form(stylegan, 2)
    flat = jax.tree_util.tree_flatten_with_path(stylegan.state.nets["g"].ema["params"])[0]
    kernels = [x for path, x in flat if [p.key for p in path[-2:]] == ["style", "kernel"]]
    assert len(kernels) >= styles.layers(generator.of(stylegan)) - 1
    whole = np.concatenate(kernels, axis=1).astype(np.float64)
    values = np.linalg.eigvalsh(whole @ whole.T)[::-1]
    np.testing.assert_allclose(found.strengths, values[:2], rtol=1e-6)
    residual = whole @ whole.T @ found.vectors.T - found.vectors.T * found.strengths
    assert np.abs(residual).max() < 1e-5 * values[0]


def test_a_label_beside_z_is_no_part_of_it(cgan):
    weights = directions.first_weights(generator.of(cgan))
    Z = cgan.latents(KEY, 1).shape[1]
    kernel = np.asarray(cgan.state.nets["g"].ema["params"]["Dense_0"]["kernel"])
    assert kernel.shape[0] == Z + 10
    np.testing.assert_array_equal(weights, kernel[:Z])


def linear(scale):
    """A generator of 2 x 2 pixels that is linear in z, whose path lengths are known."""

    def apply(variables, z, labels, truncation):
        return (variables * z).reshape(-1, 2, 2, 1)

    def draw(key, n):
        z = np.asarray(jax.random.normal(key, (n, 4)))
        return z / np.linalg.norm(z, axis=1, keepdims=True)

    return generator.Generator("linear", (2, 2, 1), 0, (), draw, len, np.float32(scale), apply)


def test_path_length_of_a_linear_generator_is_the_angle():
    """``|scale dz / dt|^2 / 4`` on the sphere of radius 1, where ``|dz / dt|`` is the angle."""
    found = latent.path_length(linear(3.0), KEY, 64, epsilon=1e-2)
    first, second = (linear(1.0).draw(jax.random.fold_in(KEY, i), 64) for i in (0, 1))
    angles = np.arccos((first * second).sum(axis=1))
    chord = 2 * np.sin(angles * 1e-2 / 2) / 1e-2
    np.testing.assert_allclose(found.each, 9 * chord**2 / 4, rtol=1e-3)
    trimmed = np.sort(found.each)[1:-1]
    np.testing.assert_allclose(found.mean, trimmed.mean(), rtol=1e-6)


def test_the_spectrum_of_a_wave_is_at_its_frequency():
    x = np.arange(16)
    wave = np.cos(2 * np.pi * 3 * x / 16)[None, None, :, None] * np.ones((2, 16, 1, 1))
    found = latent.spectrum(wave)
    assert found.shape == (9,)
    assert found.argmax() == 3
    np.testing.assert_allclose(np.delete(found, 3), 0, atol=1e-20)
    # Parseval, by hand: a ring's mean times its size, over all rings, is the sum of squares.
    noise = np.random.default_rng(0).standard_normal((5, 8, 8, 1))
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(8) * 8, np.fft.fftfreq(8) * 8))
    power = np.square(np.abs(np.fft.fft2(noise[..., 0]))).mean(axis=0) / 64
    due = [power[np.rint(radius) == r].mean() for r in range(5)]
    np.testing.assert_allclose(latent.spectrum(noise), due)
    assert latent.real_and_generated(noise, noise).gap == 0
    assert latent.real_and_generated(noise, 10 * noise).gap == pytest.approx(2)
    with pytest.raises(errors.UserError, match="of one shape"):
        latent.real_and_generated(noise, noise[:, :4])


def test_codes_one_after_the_other(trained_run):
    gan = jaxgan.load(trained_run("infogan_digits"))
    latents = gan.latents(KEY, 2)
    found = latent.code_sweep(gan, latents, (-1.0, 1.0))
    assert {name: each.shape[:2] for name, each in found.items()} == {
        "categorical 0": (2, 10),
        "continuous 0": (2, 2),
        "continuous 1": (2, 2),
    }
    due = gan.generate({**latents, "categorical": np.full((2, 1), 6, np.int32)})
    np.testing.assert_allclose(found["categorical 0"][:, 6], due, atol=1e-6)


@pytest.mark.parametrize(
    "name", quickly([(f"{name}_digits",) for name in ("vae", "bigan", "progan", "acgan", "gat")], 0)
)
def test_other_methods(trained_run, name):
    gan = jaxgan.load(trained_run(name))
    points = gan.latents(KEY, 2)
    samples, _ = latent.interpolate(gan, points, 3)
    assert samples.shape == (1, 3, *gan.program.spec.shape)
    found = latent.closed_form(gan, 2)
    assert latent.strips(gan, found, points).shape[:3] == (2, 2, 7)
    assert latent.principal(gan, KEY, 50, 2).vectors.shape == found.vectors.shape


def test_several_devices_give_what_one_gives(trained_run):
    place = trained_run("stylegan2_digits")
    found = []
    for devices in (1, 4):
        gan = trained.load(place, devices=devices)
        points = gan.latents(KEY, 2)
        found.append(latent.interpolate(gan, points, 3, space="w")[0])
        found.append(latent.closed_form(gan, 2).vectors)
    assert gan.program.devices.mesh.size == 4
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)
    np.testing.assert_allclose(found[1], found[3], atol=1e-5)


def test_mode_interpolate(trained_run, cgan, tmp_path, capsys):
    place = f"--workdir={trained_run('cgan_digits')}"
    arrays = tmp_path / "way.npz"
    given = ["--mode=interpolate", place, "--labels=3,5,8", "--n=4", "--loop", "--hold"]
    assert command(*given, f"--out={arrays}") == 0
    assert capsys.readouterr().out == f"{arrays}\n"
    with np.load(arrays) as stored:
        images, latents, told = stored["images"], stored["latents"], stored["labels"]
    assert (images.shape, images.dtype) == ((3, 4, 8, 8, 1), np.uint8)
    assert len(np.unique(latents.reshape(12, -1), axis=0)) == 1, "held"
    assert told.shape == (3, 4, 10)
    assert told[[0, 1, 2], 0].argmax(axis=-1).tolist() == [3, 5, 8]
    for suffix in ("png", "gif"):
        assert command(*given, f"--out={tmp_path / 'way'}.{suffix}") == 0
    with Image.open(tmp_path / "way.png") as strip, Image.open(tmp_path / "way.gif") as loop:
        assert strip.size == (504, 378), "3 rows of 4 tiles of 9 pixels, each 14 times as large"
        # Pillow has frames that are alike in one, for as long as both.
        lengths = [loop.info["duration"] for i in range(loop.n_frames) if not loop.seek(i)]
        assert round(sum(lengths) * film.PER_SECOND / 1000) == 9, "where legs meet is one frame"
        assert loop.info["loop"] == 0
    points = cgan.latents(KEY, 2)
    np.save(tmp_path / "two.npy", points)
    assert command(*given, f"--out={arrays}") == 2
    assert capsys.readouterr().err == f"error: {arrays} is there already; take another --out\n"
    arrays = tmp_path / "straight.npz"
    given = ["--mode=interpolate", place, f"--latents={tmp_path / 'two.npy'}", "--labels=1"]
    assert command(*given, "--way=lerp", f"--out={arrays}") == 0
    with np.load(arrays) as stored:
        np.testing.assert_allclose(stored["latents"][0, [0, -1]], points)


def test_a_way_between_what_files_hold(trained_run, cgan, tmp_path, capsys):
    """Projections have their labels beside their latents, one image each."""
    points = cgan.latents(KEY, 3)
    for i in range(3):
        np.savez(tmp_path / f"{i}.npz", latents=points[i : i + 1], labels=np.array([2 * i]))
    files = ",".join(str(tmp_path / f"{i}.npz") for i in range(3))
    given = ["--mode=interpolate", f"--workdir={trained_run('cgan_digits')}", "--n=2"]
    out = tmp_path / "way.npz"
    assert command(*given, f"--latents={files}", f"--out={out}") == 0
    with np.load(out) as stored:
        np.testing.assert_allclose(stored["latents"][:, 0], points[:2])
        assert stored["labels"][:, 0].tolist() == [0, 2]
        found = stored["images"][:, 0]
    own = pictures.to_bytes(cgan.generate(points[:2], labels=[0, 2]))
    assert np.abs(own.astype(int) - found).max() <= 1
    np.save(tmp_path / "short.npy", points[:1, :5])
    mixed = f"--latents={tmp_path / '0.npz'},{tmp_path / 'short.npy'}"
    assert command(*given, mixed, f"--out={tmp_path / 'b.npz'}") == 2
    assert "hold latents of two shapes" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_what_has_nothing_to_save(trained_run, tmp_path, number):
    given = ["--mode=explore", "--what=path_length", "--n=3000000", f"--out={tmp_path / 'a.npz'}"]
    asked = [sys.executable, "-m", "jaxgan.main", f"--workdir={trained_run('gan_digits')}", *given]
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(6)
        process.send_signal(number)
        _, told = process.communicate(timeout=10)
    assert process.returncode == -number
    assert "saving" not in told or "stopping" in told


def test_a_film_in_mp4(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    film.check(tmp_path / "way.mp4")
    images = np.linspace(-1, 1, 10)[:, None, None, None] * np.ones((1, 9, 9, 1))
    film.write(images, tmp_path / "way.mp4")
    # Not `read_frames`, which leaves its pipes open.
    read = [ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "way.mp4")]
    raw = subprocess.run(
        [*read, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
    ).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(10, 252, 252, 3)
    np.testing.assert_allclose(frames.mean((1, 2, 3)), np.linspace(0, 255, 10), atol=4)


def test_mode_explore(trained_run, tmp_path, monkeypatch):
    for what in exploring.TOOLS:
        other = {"mixing": "stylegan2", "codes": "infogan", "guidance": "gat"}.get(what, "cgan")
        name = f"{other}_digits"
        end = "npz" if what == "path_length" else "png"
        out = tmp_path / f"{what}.{end}"
        given = ["--mode=explore", f"--what={what}", f"--workdir={trained_run(name)}"]
        assert command(*given, "--n=3", f"--out={out}") == 0, what
        if end == "png":
            with Image.open(out) as picture:
                assert min(picture.size) > 60, what
        arrays = tmp_path / f"{what}_arrays.npz"
        assert command(*given, "--n=3", f"--out={arrays}") == 0, what


WRONG = [
    ("gan", "explore", (), "--what=NAME is missing: truncation, "),
    ("gan", "explore", ("--what=clases",), "did you mean 'classes'"),
    ("gan", "explore", ("--what=classes",), "method 'gan' takes no labels"),
    ("gan", "explore", ("--what=guidance",), "method 'gan' takes no labels"),
    ("gan", "explore", ("--what=mixing",), "method 'gan' has no styles w"),
    ("gan", "explore", ("--what=codes",), "method 'gan' has no codes"),
    ("gan", "explore", ("--what=mixing", "--values=1"), "--values is for --what=truncation or"),
    ("gan", "explore", ("--what=truncation", "--by=pixels"), "--by is for --what=neighbours or"),
    ("cgan", "explore", ("--what=classes", "--n=1000000"), "90,000,000 x 9 pixels is too large"),
    ("gan", "explore", ("--what=directions", "--n=1500000"), "94,500,000 x 9 pixels"),
    ("gan", "explore", ("--what=path_length", "--out=a.png"), "written as .npz, not 'a.png'"),
    ("gan", "explore", ("--what=truncation", "--values=a"), "--values: numbers, such as"),
    ("gan", "explore", ("--what=truncation", "--n=0"), "--n must be at least 1, not 0"),
    ("gan", "explore", ("--what=truncation", "--n=9000000"), "162,000,000 x 9 pixels is too large"),
    ("gan", "explore", ("--what=path_length", "--n=99999999999"), "99,999,999,999 samples [8, 8,"),
    ("gan", "interpolate", ("--space=w",), "method 'gan' has no styles w"),
    ("gan", "interpolate", ("--labels=3",), "method 'gan' takes no labels"),
    ("gan", "interpolate", ("--points=1",), "--points must be at least 2, not 1"),
    ("gan", "interpolate", ("--n=1",), "at least 2 frames"),
    ("gan", "interpolate", ("--n=9000000",), "81,000,000 x 27 pixels is too large"),
    ("gan", "interpolate", ("--n=99999999999",), "399,999,999,996 samples [8, 8, 1] need "),
    ("gan", "interpolate", ("--hold",), "there is no class to move: a still"),
    ("cgan", "interpolate", ("--hold", "--labels=3"), "there is no class to move: a still"),
    ("cgan", "interpolate", ("--labels=0,", "1"), "unknown argument '1'; values have no spaces"),
    ("cgan", "interpolate", ("--labels=1,2,3", "--points=2"), "names 3, and the way has 2 points"),
    ("gan", "interpolate", ("--n=0",), "at least 2 frames"),
    ("gan", "interpolate", ("--truncation=.5",), "method 'gan' takes no truncation"),
    ("gan", "interpolate", ("--latents=none.npy",), "none.npy cannot be read"),
    ("gan", "interpolate", ("--out=a.jpg",), "this is written as .png, .npz, .gif, .mp4, not"),
    ("gan", "interpolate", ("--what=classes",), "--what is for --mode=explore"),
    ("gan", "sample", ("--loop",), "--loop is for --mode=interpolate"),
    ("pix2pix", "interpolate", (), "method 'pix2pix' makes images of images"),
    ("pix2pix", "explore", ("--what=directions",), "method 'pix2pix' makes images of images"),
]


@pytest.mark.parametrize(("name", "mode", "given", "told"), WRONG)
def test_a_mistake_is_a_line(trained_run, capsys, name, mode, given, told):
    place = trained_run(f"{name}_digits")
    capsys.readouterr()
    try:
        code = command(f"--mode={mode}", f"--workdir={place}", *given)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_files_of_latents_that_are_none(gan, tmp_path):
    from jaxgan.latent.opening import read_latents

    own = generator.of(gan)
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "whole.npy", np.zeros((2, 3), int))
    np.save(tmp_path / "empty.npy", np.zeros((0, 3), np.float32))
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan, np.float32))
    np.savez(tmp_path / "other.npz", x=np.zeros((2, 3)))
    np.save(tmp_path / "short.npy", np.zeros((2, 3), np.float32))
    for name, told in (
        ("text.npy", "cannot be read: it is no .npy and no .npz"),
        ("empty.npy", r"must be floats \[n, ...\], n > 0, not float32 \[0, 3\]"),
        ("nan.npy", "z of .* must be finite"),
        ("whole.npy", r"must be floats \[n, ...\], n > 0, not int64"),
        ("other.npz", "must hold z, latents or w; it holds x"),
    ):
        with pytest.raises(errors.UserError, match=told):
            read_latents(tmp_path / name, own, KEY)
    short = read_latents(tmp_path / "short.npy", own, KEY)
    with pytest.raises(errors.UserError, match=r"latents must be \[n, "):
        latent.interpolate(gan, short)


def test_points_are_no_images(trained_run, tmp_path, capsys):
    settings = ("gan_ring", "data.name=ring")
    place = f"--workdir={trained_run(*settings)}"
    assert command("--mode=explore", "--what=directions", place) == 2
    assert "makes points [2], and no images" in capsys.readouterr().err
    assert command("--mode=interpolate", place) == 2
    assert "--out=FILE.npz has them" in capsys.readouterr().err
    image, found = tmp_path / "a.png", tmp_path / "found"
    Image.new("RGB", (8, 8)).save(image)
    assert command("--mode=project", place, f"--target={image}", f"--out={found}") == 2
    assert "makes points [2], and no images" in capsys.readouterr().err
    assert not found.exists()
    out = tmp_path / "way.npz"
    assert command("--mode=interpolate", place, f"--out={out}") == 0
    assert np.load(out)["images"].shape == (3, 8, 2)
