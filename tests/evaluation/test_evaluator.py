"""The whole way from a config to a result, on the digits and on the ring."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxgan import data, evaluation
from jaxgan.base import errors, files
from jaxgan.config import build
from jaxgan.evaluation import (
    choice,
    figures,
    network_figures,
    opening,
    provenance,
    real,
)
from jaxgan.extractors.extractor import Extractor, extract, to_bytes
from jaxgan.run import program, sampling
from tests.conftest import run, smoke

KEY = jax.random.key(3)


def settings(*overrides, name="gan_digits"):
    return smoke(name, "evaluation.every=0", *overrides)


def splits_of(config):
    return data.Splits(config.data)


def test_the_two_parts_share_no_sample_with_each_other_or_the_floor():
    config = settings("evaluation.n=100")
    select, report = (
        real.read(config, splits_of(config), part, None, memorization=True) for part in real.PARTS
    )
    rows = {
        name: {x.tobytes() for x in sample.values}
        for name, sample in {
            "select": select.reference,
            "other": select.other,
            "report": report.reference,
            "report_other": report.other,
            "training": report.training,
            "held_out": report.held_out,
        }.items()
    }
    assert all(len(part) > 95 for part in rows.values())
    assert not rows["select"] & rows["other"]
    assert len(rows["report"] & rows["training"]) < 5  # the digits hold some images twice
    assert rows["select"] | rows["other"] | rows["report_other"] <= rows["training"]
    assert rows["report"] == rows["held_out"]


def test_a_validation_split_is_what_is_selected_on():
    config = settings("evaluation.n=50", "data.validation_split=test")
    found = real.read(config, splits_of(config), "select", None, memorization=False)
    test = data.whole(data.open_source(config.data, "test"))["image"]
    known = {x.tobytes() for x in to_bytes(test)}
    assert {x.tobytes() for x in found.reference.values} <= known
    assert {x.tobytes() for x in found.other.values} <= known


def choose(config):
    return choice.choose_metrics(config, splits_of(config).spec(), build(config).conditions)


def logged(config):
    return choice.logged(config, splits_of(config).spec(), build(config).conditions)


def projection(config):
    """An extractor without training: 16 fixed random projections, and logits of them."""
    size = int(np.prod(data.describe(config.data).shape))
    matrix = np.random.default_rng(0).normal(size=(size, 16)).astype(np.float32) / 100
    return Extractor("random_projection", "0" * 64, "none", 16, 10, matrix, project)


def project(params, images):
    features = images.reshape(len(images), -1).astype("float32") @ params
    return features, features[:, :10]


@pytest.fixture
def ready():
    return program.prepare(settings("evaluation.n=60"))


def evaluator_of(config, part="report", metrics=None, **options):
    of = projection(config)
    names = metrics or ("frechet", "kid", "precision_recall", "diversity", "score")

    def look(images):
        return extract(of, images, **options)

    return evaluation.Evaluator(config, splits_of(config), part, names, of, look)


def real_subject(values):
    """A generator that gives these samples, whatever is asked for."""
    return evaluation.Subject(lambda key, n: values[:n], "raw", "as trained")


def test_other_real_samples_get_the_floor(ready):
    judge = evaluator_of(ready.config)
    other = np.asarray(data.to_float({"image": judge.real.other.values})["image"])
    found = judge.measure(real_subject(other), KEY, 7)
    assert found["step"] == 7
    for name, figure in found["figures"].items():
        assert figure["value"] == pytest.approx(figure["floor"], rel=1e-5), name
    worse = judge.measure(real_subject(other * 0.5), KEY, 7)["figures"]
    assert worse["frechet"]["value"] > 2 * worse["frechet"]["floor"]


def test_what_was_not_trained_on_is_found_once(ready, monkeypatch):
    found, unseen_rows = [], real.unseen_rows
    monkeypatch.setattr(
        real, "unseen_rows", lambda *args: found.append(unseen_rows(*args)) or found[-1]
    )
    judge = evaluator_of(ready.config, metrics=("sliced_wasserstein",))
    other = np.asarray(data.to_float({"image": judge.real.other.values})["image"])
    judged = dataclasses.replace(
        real_subject(other), classify=lambda x: {"none": np.eye(10)[[0] * len(x)]}
    )
    for step in range(2):
        assert "error_none" in judge.measure(judged, KEY, step)["figures"]
    assert len(found) == 1
    np.testing.assert_array_equal(judge.real.unseen_rows, found[0])


def test_a_batch_size_that_does_not_divide_changes_nothing(ready):
    subject = sampling.subject(ready, ready.start()["state"])
    whole, parts = (
        evaluator_of(ready.config, batch_size=size).measure(subject, KEY, 0) for size in (60, 7)
    )
    for name, figure in whole["figures"].items():
        assert parts["figures"][name]["value"] == pytest.approx(figure["value"], rel=1e-5), name


def test_the_result_does_not_depend_on_the_number_of_devices():
    found = []
    for devices in (1, 4):
        ready = program.prepare(settings("evaluation.n=60", f"parallel.devices={devices}"))
        subject = sampling.subject(ready, ready.start()["state"])
        judge = evaluator_of(ready.config, batch_size=18, mesh=ready.devices.mesh)
        found.append(judge.measure(subject, KEY, 0))
    for name, figure in found[0]["figures"].items():
        assert found[1]["figures"][name]["value"] == pytest.approx(figure["value"], rel=1e-4), name
    assert found[0]["protocol"] == found[1]["protocol"]


def test_a_result_is_json_that_carries_what_made_it(ready, tmp_path):
    subject = sampling.subject(ready, ready.start()["state"])
    result = evaluator_of(ready.config).measure(subject, KEY, 3)
    path = evaluation.write(result, tmp_path)
    assert json.loads(path.read_text()) == result
    assert result["protocol"] == {
        "metrics": {name: figures.VERSIONS[name] for name in result["protocol"]["metrics"]},
        "extractor": "random_projection 000000000000",
        "resize": "none",
        "data": "digits",
        "part": "report",
        "split": "test",
        "real": real.digest(
            real.read(
                ready.config, splits_of(ready.config), "report", None, memorization=False
            ).reference.values
        )[:12],
        "n_real": 60,
        "n_floor": 60,
        "n_generated": 60,
        "labels": "none",
        "values": "8 bits",
        "weights": "averaged",
        "statistics": "as trained",
        "truncation": "none",
    }
    assert result["made_by"]["versions"]["jax"] == jax.__version__
    assert len(result["made_by"]["config"]) == 64


def test_raw_weights_and_renewed_statistics_are_measured_and_named():
    plain, raw, renewed = (
        program.prepare(settings(f"evaluation.{field}", name="dcgan_digits"))
        for field in ("n=60", "averaged=false", "recalibrate=4")
    )
    state = plain.start()["state"]
    subjects = [sampling.subject(ready, state) for ready in (plain, raw, renewed)]
    assert [s.weights for s in subjects] == ["averaged", "raw", "averaged"]
    assert subjects[2].statistics == "renewed over 4 batches of 250"
    first, second = (sampling.subject(p, state).draw(KEY, 30) for p in (plain, renewed))
    assert not np.allclose(first, second, atol=1e-3)


def test_the_discriminators_overfitting_is_the_ratio_of_mean_logits():
    samples = dataclasses.make_dataclass("Samples", ["seen", "unseen"])(
        np.full((4, 2), 3.0), np.full((4, 2), 2.0)
    )
    found = network_figures.overfitting(lambda x: x.sum(axis=1), samples, np.full((4, 2), -1.0))
    assert found == {"overfitting": 0.25, "d_training": 6, "d_held_out": 4, "d_generated": -2}


def test_a_difference_that_may_be_chance_is_no_overfitting():
    rng = np.random.default_rng(0)
    seen, unseen = rng.normal(size=(2, 500, 1))
    seen += 0.05
    samples = dataclasses.make_dataclass("Samples", ["seen", "unseen"])(seen, unseen)
    near = unseen + 1e-3
    assert network_figures.overfitting(lambda x: x.sum(axis=1), samples, near)["overfitting"] == 0
    samples.seen = seen + 0.5
    assert network_figures.overfitting(lambda x: x.sum(axis=1), samples, near)["overfitting"] > 0.9


def test_a_mixture_is_measured_by_its_modes_beside_what_is_perfect():
    ready = program.prepare(settings("data.name=ring", "evaluation.n=500", name="gan_ring"))
    judge = evaluation.open_evaluator(ready.config, "report", ready.method.conditions)
    assert judge.metrics == ("modes", "sliced_wasserstein")
    result = judge.measure(real_subject(judge.real.other.values), KEY, 0)["figures"]
    assert result["modes"]["value"] == result["modes"]["perfect"] == 8
    assert result["high_quality"]["perfect"] == pytest.approx(1 - np.exp(-4.5))
    assert result["high_quality"]["value"] == pytest.approx(0.989, abs=0.02)
    assert result["reverse_kl"]["perfect"] == 7 / 1000
    assert result["reverse_kl"]["value"] == result["reverse_kl"]["floor"] < 0.03
    one = np.tile(judge.real.mixture[0][:1], (500, 1))
    collapsed = judge.measure(real_subject(one), KEY, 0)["figures"]
    assert collapsed["modes"]["value"] == 1
    assert collapsed["reverse_kl"]["value"] == pytest.approx(np.log(8))


def test_features_of_real_samples_are_computed_once(ready, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    judge, looked = evaluator_of(ready.config), []

    def counting(images):
        looked.append(len(images))
        return judge.look(images)

    config = ready.config
    for _ in range(2):
        again = dataclasses.replace(judge, look=counting)
        assert again.real.reference.features.shape == (60, 16)
    assert looked == [60, 60]  # the reference and the floor, once each
    for path in files.cache("features").iterdir():
        path.write_bytes(path.read_bytes()[:100])  # damaged files are made again
    assert dataclasses.replace(judge, look=counting).real.reference.features.shape == (60, 16)
    assert looked == [60, 60, 60, 60]
    config.evaluation.n = 50  # other samples, another name
    assert dataclasses.replace(judge, look=counting).real.reference.features.shape == (50, 16)


def noise(n=60):
    return np.random.default_rng(0).uniform(-1, 1, (n, 8, 8, 1)).astype(np.float32)


def test_samples_that_are_not_finite_are_told_in_a_line(ready):
    values = np.where(noise() > 0.99, np.nan, noise())
    with pytest.raises(errors.UserError, match="not finite"):
        evaluator_of(ready.config).measure(real_subject(values), KEY, 0)


def test_samples_out_of_range_are_measured_as_a_file_would_hold_them(ready):
    judge = evaluator_of(ready.config)
    far = judge.measure(real_subject(noise() * 300), KEY, 0)
    cut = judge.measure(real_subject(np.clip(noise() * 300, -1, 1)), KEY, 0)
    assert far["figures"] == cut["figures"]
    (warning,) = set(far["warnings"]) - set(cut["warnings"])
    assert warning.startswith("samples reach from -29")
    assert "cut off at -1 and 1" in warning


def test_a_figure_that_cannot_be_had_is_left_out_and_the_others_are_there(ready, monkeypatch):
    judge = evaluator_of(ready.config, metrics=("diversity", "kid"))
    every = np.arange(60, dtype=np.int32)
    monkeypatch.setattr(evaluation.Evaluator, "labels", lambda self, n: (every, "each once"))
    subject = dataclasses.replace(real_subject(noise()), conditional=True)
    subject = dataclasses.replace(subject, draw=lambda key, n, labels: noise(n))
    result = judge.measure(subject, KEY, 0)
    assert {"diversity", "kid"} <= set(result["figures"])
    assert "intra_class_diversity" not in result["figures"]
    assert "diversity is left out: labels have no class with two samples" in result["warnings"]


def by_class(labels, rng):
    """Images whose level says their class, as different within one as the classes are apart."""
    level = np.linspace(-0.7, 0.7, 4)[labels][:, None, None, None]
    return (level + rng.uniform(-0.2, 0.2, (len(labels), 8, 8, 1))).astype(np.float32)


@pytest.fixture
def imbalanced(tmp_path):
    """The config of a conditional method on 4,000 images, classes in 4 : 3 : 2 : 1."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=4000, p=[0.4, 0.3, 0.2, 0.1])
    images = np.round((by_class(labels, rng) + 1) * 127.5).astype(np.uint8)
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    overrides = ["data.name=npz", f"data.data_dir={tmp_path / 'data.npz'}", "evaluation.n=400"]
    return smoke("cgan_digits", "evaluation.every=0", *overrides)


def perfect(asked):
    def draw(key, n, labels):
        asked.append(labels)
        return by_class(np.asarray(labels), np.random.default_rng(1))

    return evaluation.Subject(draw, "raw", "as trained", conditional=True)


def test_labels_are_generated_in_the_proportions_of_the_reference(imbalanced):
    asked, metrics = [], ("frechet", "kid", "sliced_wasserstein")
    judge = evaluator_of(imbalanced, metrics=metrics)
    result = judge.measure(perfect(asked), KEY, 0)
    shares = np.bincount(asked[0], minlength=4) / 400
    np.testing.assert_allclose(shares, [0.4, 0.3, 0.2, 0.1], atol=0.05)
    assert result["protocol"]["labels"] == "as in the split"
    for name in ("frechet", "sliced_wasserstein"):
        value, floor = (result["figures"][name][k] for k in ("value", "floor"))
        assert 0.2 * floor < value < 2 * floor, name

    with imbalanced.unlocked():
        imbalanced.evaluation.labels = "uniform"
    uniform = evaluator_of(imbalanced, metrics=metrics).measure(perfect(asked), KEY, 0)
    np.testing.assert_array_equal(np.bincount(asked[1]), [100] * 4)
    assert uniform["protocol"]["labels"] == "uniform"
    value, floor = (uniform["figures"]["frechet"][k] for k in ("value", "floor"))
    assert value > 5 * floor, "what the proportions of the reference are for"


def test_classes_of_images_are_expected_as_often_as_the_data_have_them(imbalanced):
    judge = evaluator_of(imbalanced, metrics=("modes",))
    labels = judge.real.other.labels
    logits = np.eye(4)[labels]
    candidate = dataclasses.replace(judge.real.other, logits=logits)
    found, told = judge.figures(candidate)
    assert (found["modes"], told) == (4, [])
    assert found["reverse_kl"] < 0.02
    even = dataclasses.replace(candidate, logits=np.eye(4)[np.arange(400) % 4])
    assert judge.figures(even)[0]["reverse_kl"] > 0.1


def test_the_real_samples_do_not_depend_on_the_seed_of_the_run():
    results = []
    for seed in (1, 2):
        config = settings("evaluation.n=40", f"seed={seed}")
        judge = evaluator_of(config)
        results.append(judge.measure(real_subject(noise()), KEY, 0))
    assert results[0]["figures"] == results[1]["figures"]
    assert evaluation.compare(*results)


def test_a_package_that_is_not_installed_has_no_version():
    assert provenance.version("no-such-package-of-ours") == "unknown"
    assert provenance.version("jax") == jax.__version__


def test_too_few_samples_for_a_covariance_are_warned_of():
    config = settings("evaluation.n=12")
    (warning,) = evaluator_of(config).warnings(12)
    assert "12 samples of 16 dimensions give a covariance of rank 11 at most" in warning
    assert not evaluator_of(settings("evaluation.n=60")).warnings(60)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["evaluation.metrics=frechte"], "did you mean 'frechet'"),
        (["evaluation.metrics=frechet"], "'frechet' needs config.evaluation.extractor"),
        (
            ["evaluation.metrics=conditional_accuracy", "evaluation.extractor=domain"],
            "needs a method that samples by label",
        ),
        (["evaluation.metrics=modes"], "needs a mixture of modes, or"),
        (["data.name=ring", "evaluation.extractor=domain"], "looks at images, and ring has points"),
        (["evaluation.extractor=inception"], "needs config.evaluation.weights"),
        (["evaluation.weights=x.npz"], "is for evaluation.extractor='inception'"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(overrides, told):
    with pytest.raises(errors.UserError, match=told):
        choose(smoke("gan_digits", *overrides))


def test_every_figure_is_known_by_name_before_there_is_one():
    """What ``checkpoint.best`` may name is what an evaluation logs."""
    config = settings("evaluation.extractor=domain", "evaluation.n=60")
    judge = evaluator_of(config, metrics=choose(config))
    ready = program.prepare(config)
    subject = sampling.subject(ready, ready.start()["state"])
    found = judge.measure(subject, KEY, 0)["figures"]
    named = {name.removeprefix("eval/") for name in logged(config)}
    extra = {"d_training", "d_held_out", "d_generated"}
    assert set(found) - extra <= named
    assert named - set(found) <= {"intra_class_diversity", "high_quality"}


def test_a_frechet_distance_is_a_fid_only_on_inception():
    config = settings("evaluation.extractor=domain")
    assert "eval/frechet" in logged(config)
    with config.unlocked():
        config.evaluation.extractor, config.evaluation.weights = "inception", "x.npz"
    assert "eval/fid" in logged(config)
    assert "eval/frechet" not in logged(config)


def test_a_checkpoint_is_ranked_by_what_was_measured_at_its_step(tmp_path):
    from jaxgan.run import checkpoint

    config = smoke(
        "gan_digits",
        "evaluation.every=10",
        "checkpoint.every=5",
        "checkpoint.keep=5",
        "checkpoint.best=eval/sliced_wasserstein",
    )
    assert run(config, tmp_path / "run") == 0
    ranked = checkpoint.metrics(tmp_path / "run" / "checkpoints")
    assert set(ranked) == {10, 20}
    for step, value in ranked.items():
        (path,) = (tmp_path / "run" / "evaluation").glob(f"step_{step:08}_select_*.json")
        figure = json.loads(path.read_text())["figures"]["sliced_wasserstein"]
        assert figure["value"] == value


def test_a_network_without_logits_gives_no_score(monkeypatch):
    config = settings("evaluation.extractor=inception", "evaluation.weights=pool3.npz")
    monkeypatch.setattr(
        opening.inception,
        "load",
        lambda *args, **kwargs: dataclasses.replace(projection(config), num_classes=0),
    )
    conditions = build(config).conditions
    assert "score" not in evaluation.open_evaluator(config, "report", conditions).metrics
    config.evaluation.metrics = ("score",)
    with pytest.raises(errors.UserError, match=r"pool3.npz has no classifier layer: no score can"):
        evaluation.open_evaluator(config, "report", conditions)


def test_a_likelihood_is_measured_where_the_method_has_one(ready):
    subject = evaluation.Subject(
        lambda key, n: np.zeros((n, 8, 8, 1), np.float32),
        "raw",
        "as trained",
        log_weight=jax.tree_util.Partial(lambda images, keys: images.mean((1, 2, 3)) - 3.0),
    )
    found = evaluator_of(ready.config).measure(subject, KEY, 0)["figures"]
    expected = evaluator_of(ready.config).unseen_images.mean() - 3
    for name in ("elbo", "importance_weighted_bound"):
        assert found[name]["value"] == pytest.approx(expected, rel=1e-5)


def test_reconstructions_keep_their_class_as_far_as_the_classifier_tells(ready):
    config = ready.config.copy_and_resolve_references()
    config.evaluation.extractor = "domain"
    judge = evaluator_of(config, metrics=("sliced_wasserstein",))
    unseen = judge.unseen
    assert len(unseen.values) == config.evaluation.n
    images = np.asarray(data.to_float({"image": unseen.values})["image"])
    # The first half comes back as it was, the others as the first image beyond the range.
    again = np.concatenate([images[:30], 3 * np.repeat(images[:1], 30, axis=0)])
    subject = dataclasses.replace(
        real_subject(images), reconstruct=lambda x: again[: len(x)] if (x == images).all() else None
    )
    found = judge.measure(subject, KEY, 0)["figures"]
    distance = np.abs(np.clip(again, -1, 1) - images).mean()
    assert found["reconstruction_l1"]["value"] == pytest.approx(distance, rel=1e-6)
    assert found["reconstruction_l1"]["floor"] is None
    of = projection(config)

    def right(x):
        return (extract(of, to_bytes(x)).logits.argmax(axis=1) == unseen.labels).mean()

    share = found["reconstruction_accuracy"]
    assert share["value"] == pytest.approx(right(np.clip(again, -1, 1)))
    assert share["floor"] == pytest.approx(right(images))
    assert share["value"] != share["floor"]


def test_without_a_classifier_of_the_data_reconstructions_have_a_distance_alone(ready):
    subject = dataclasses.replace(
        real_subject(np.zeros((60, 8, 8, 1), np.float32)), reconstruct=lambda x: -x
    )
    judge = evaluator_of(ready.config, metrics=("sliced_wasserstein",))
    found = judge.measure(subject, KEY, 0)["figures"]
    assert set(found) == {"sliced_wasserstein", "reconstruction_l1"}
    lost = dataclasses.replace(subject, reconstruct=lambda x: np.full_like(x, np.nan))
    result = judge.measure(lost, KEY, 0)
    assert set(result["figures"]) == {"sliced_wasserstein"}
    assert any("reconstruction is left out" in told for told in result["warnings"])


def test_samples_without_a_label_have_no_class_to_keep():
    images, logits = np.zeros((4, 2, 2, 1), np.uint8), np.eye(3)[[0, 1, 2, 2]]
    sample = figures.Sample(images, np.array([0, -1, 1, 2]), logits, logits)
    assert network_figures.own_class(sample) == {"reconstruction_accuracy": pytest.approx(2 / 3)}
    for labels in (None, np.full(4, -1)):
        assert network_figures.own_class(dataclasses.replace(sample, labels=labels)) == {}
    assert network_figures.own_class(dataclasses.replace(sample, logits=None)) == {}


def test_an_encoder_and_a_generator_are_measured_together():
    ready = program.prepare(settings("evaluation.n=30", "batch_size=8", name="vae_digits"))
    state = ready.start()["state"]
    subject = sampling.subject(ready, state)
    judge = evaluator_of(ready.config, metrics=("sliced_wasserstein",))
    images = np.asarray(data.to_float({"image": judge.unseen.values})["image"])
    method = ready.method
    expected = method.generate(state, method.encode(state, images))
    np.testing.assert_allclose(subject.reconstruct(images), expected, rtol=1e-4, atol=1e-5)
    assert sampling.subject(*untrained("gan_digits")).reconstruct is None


def untrained(name):
    ready = program.prepare(settings(name=name))
    return ready, ready.start()["state"]


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order_ties_half():
    scores = np.array([1.0, 2.0, 2.0, 3.0, 0.5, 2.0, 4.0])
    normal, odd = np.arange(4), np.arange(4, 7)
    pairs = [(scores[b] > scores[a]) + (scores[b] == scores[a]) / 2 for a in normal for b in odd]
    found = network_figures.anomaly_auc(lambda rows: scores[rows], normal, odd)
    assert found == {"anomaly_auc": pytest.approx(np.mean(pairs))}
    assert np.mean(pairs) == 6 / 12
    flipped = network_figures.anomaly_auc(lambda rows: -(scores[rows] ** 2), normal[:1], odd[2:])
    assert flipped == {"anomaly_auc": 0.0}


def test_images_of_classes_left_out_are_told_from_the_others():
    config = settings("evaluation.n=60", "data.without=1,8")
    seen = []

    def anomaly(images):
        seen.append(images)
        return images.mean(axis=(1, 2, 3))

    black = lambda key, n: np.zeros((n, 8, 8, 1), np.float32)  # noqa: E731
    subject = evaluation.Subject(black, "raw", "as trained", anomaly=anomaly)
    judge = evaluation.open_evaluator(config, "report", ())
    found = judge.measure(subject, KEY, 0)["figures"]["anomaly_auc"]
    rows = data.to_float(data.whole(data.Splits(config.data).complete.source("test")))
    known = {x.tobytes(): int(label) for x, label in zip(rows["image"], rows["label"], strict=True)}
    normal, odd = ([known[x.tobytes()] for x in images] for images in seen)
    assert len(normal) == 60
    assert set(normal) == {0, 2, 3, 4, 5, 6, 7, 9}
    assert set(odd) == {1, 8}
    a, b = (images.mean(axis=(1, 2, 3)) for images in seen)
    ordered = (b[:, None] > a[None]) + (b[:, None] == a[None]) / 2
    assert found["value"] == pytest.approx(ordered.mean(), abs=1e-6)
    every = settings("evaluation.n=60")
    judge = evaluation.open_evaluator(every, "report", ())
    assert "anomaly_auc" not in judge.measure(subject, KEY, 0)["figures"]


def test_classes_left_out_that_the_test_split_has_not_are_told(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 3
    test = images[labels != 2]
    np.savez(
        tmp_path / "x.npz", x_train=images, y_train=labels, x_test=test, y_test=labels[labels != 2]
    )
    config = settings("data.name=npz", f"data.data_dir={tmp_path / 'x.npz'}", "data.without=2")
    black = lambda key, n: np.zeros((n, 8, 8, 1), np.float32)  # noqa: E731
    subject = evaluation.Subject(black, "raw", "as trained", anomaly=lambda x: x.mean((1, 2, 3)))
    result = evaluation.open_evaluator(config, "report", ()).measure(subject, KEY, 0)
    assert "anomaly_auc" not in result["figures"]
    told = "anomaly_auc is left out: the test split has no image of the classes left out"
    assert told in result["warnings"]


def test_features_are_those_of_a_classifier_of_all_classes(monkeypatch):
    trained_on = []

    def load(data_config, *, splits, say):
        trained_on.append(set(data.whole(splits.source())["label"]))
        raise errors.UserError("enough")

    monkeypatch.setattr(opening.domain, "load", load)
    config = settings("evaluation.extractor=domain", "data.without=3")
    with pytest.raises(errors.UserError, match="enough"):
        evaluation.open_evaluator(config, "select", ())
    assert trained_on == [set(range(10))]
