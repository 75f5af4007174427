"""Each alarm: the rule on a made-up log, and a training run that causes it."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config, losses
from jaxgan.adversarial import vitals
from jaxgan.evaluation import opening
from jaxgan.extractors.extractor import Extractor
from jaxgan.run import pauses
from jaxgan.watch import alarms, callbacks
from tests.conftest import EXPERIMENTS, log_lines, run, smoke

RULES = {
    "window": 3,
    "collapse": 0.2,
    "vanishing": 1e-3,
    "imbalance": 0.99,
    "oscillation": 0.5,
    "overfitting": 0.5,
    "memorization": 0.5,
    "skipped": 0.99,
}


def fired(lines, **rules):
    """The alarms that change, line by line."""
    history, found = alarms.start(), []
    for line in lines:
        history, changed = alarms.watch(history, {**RULES, **rules}, line)
        found.append({name: bool(told) for name, told in changed.items()})
    return found


@pytest.mark.parametrize(
    ("name", "healthy", "ill"),
    [
        ("collapse", {"g/diversity": 0.9}, {"g/diversity": 0.1}),
        (
            "vanishing",
            {"g/grad_norm": 0.5, "d/grad_norm": 2.0},
            {"g/grad_norm": 1e-4, "d/grad_norm": 1e-5},
        ),
        (
            "imbalance",
            {"d/real_accuracy": 0.9, "d/fake_accuracy": 1.0},
            {"d/real_accuracy": 1.0, "d/fake_accuracy": 0.999},
        ),
        (
            "imbalance",
            {"d/real_accuracy": 0.0, "d/fake_accuracy": 0.5},
            {"d/real_accuracy": 0.0, "d/fake_accuracy": 0.001},
        ),
    ],
)
def test_an_alarm_begins_after_a_whole_window_and_ends_with_it(name, healthy, ill):
    found = fired([healthy, ill, ill, ill, ill, healthy])
    assert found == [{}, {}, {}, {name: True}, {}, {name: False}]
    assert fired([healthy, ill, ill, ill], **{name: 0}) == [{}] * 4, "a threshold of 0 is never"


@pytest.mark.parametrize(
    ("name", "metric", "healthy", "ill"),
    [
        ("overfitting", "eval/overfitting", 0.3, 0.8),
        ("memorization", "eval/nearest_training", 0.9, 0.1),
    ],
)
def test_an_evaluation_is_believed_at_once(name, metric, healthy, ill):
    found = fired([{metric: healthy}, {metric: ill}, {"d/loss": 1.0}, {metric: healthy}])
    assert found == [{}, {name: True}, {}, {name: False}]


@pytest.mark.parametrize("names", [("painter", "critic"), ("g_ab", "d_b")])
def test_players_of_other_names_are_watched(names):
    def renamed(line):
        players = dict(zip("gd", names, strict=True))
        return {f"{players[name[0]]}{name[1:]}": value for name, value in line.items()}

    t = np.arange(60)
    rows = {
        "collapse": [{"g/diversity": 0.1}] * 5,
        "vanishing": [{"g/grad_norm": 1e-4}] * 5,
        "imbalance": [{"d/real_accuracy": 1.0, "d/fake_accuracy": 1.0}] * 5,
        "oscillation": [{"d/loss": 1 + 0.5 * math.sin(x * 0.9)} for x in t],
    }
    well = {"g/diversity": 0.9, "g/grad_norm": 1.0, "d/grad_norm": 1.0}
    # Of another game that goes well, and of a classifier beside them.
    beside = {"x/grad_norm": 1.0, "x/diversity": 0.9, "y/grad_norm": 0.9, "z/loss": 0.0}
    for name, lines in rows.items():
        lines = [{**well, **line} for line in lines]
        others = [
            {**beside, **renamed(line), "z/loss": math.sin(i)} for i, line in enumerate(lines)
        ]
        expected = fired(lines)
        assert {name: True} in expected
        assert fired(others) == expected
        assert all(names[0] in told or names[1] in told for told in said(others))
        assert len(said(others)) == len(said(lines))


def said(lines):
    """What is said of the alarms that begin."""
    return [told for changed in tell(lines) for told in changed.values() if told]


def test_an_interval_that_was_skipped_is_told_at_once_and_so_is_the_next_that_was_not():
    shares = [{alarms.SKIPPED: share} for share in (0, 0.9, 1, 1, 0.2)]
    evaluated = {"eval/frechet": 1.0}
    found = fired([*shares[:3], evaluated, *shares[3:]])
    assert found == [{}, {}, {"skipped": True}, {}, {}, {"skipped": False}]
    assert fired(shares, skipped=0) == [{}] * 5
    assert fired(shares, skipped=0.5)[1] == {"skipped": True}


def test_the_rules_of_a_config_without_an_alarm_that_is_newer_than_it():
    rules = {name: value for name, value in RULES.items() if name != "skipped"}
    history, changed = alarms.watch(alarms.start(), rules, {alarms.SKIPPED: 1.0})
    assert (history["on"], changed) == ([], {})


def test_a_swing_is_told_from_noise_and_from_a_trend():
    t = np.arange(60)
    rng = np.random.default_rng(0)
    swing = [{"d/loss": 1 + 0.5 * math.sin(x * 0.9) + 0.1 * rng.normal()} for x in t]
    assert {"oscillation": True} in fired(swing)
    told = next(changed for changed in tell(swing) if changed)["oscillation"]
    assert "period of 7 log lines" in told
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=60)
        assert not any(fired([{"d/loss": 1 + 0.5 * x} for x in noise])), seed
    assert not any(fired([{"d/loss": 3 - 0.04 * x} for x in t]))
    assert not any(fired([{"d/loss": 1 + 1e-3 * math.sin(x * 0.9)} for x in t])), "too small"


def test_a_metric_that_no_longer_comes_has_not_improved():
    rule = SimpleNamespace(metric="eval/kid", mode="max", patience=2, min_delta=0.0)

    def firsts(*lines):
        tracker, found = callbacks.start()["early_stopping"], []
        for line, expected in lines:
            tracker, now = callbacks.track(tracker, rule, line, expected)
            found.append(now)
        return found, tracker["best"]

    came, training = ({"eval/kid": 0.5}, ()), ({"d/loss": 0.1}, ("d/loss",))
    missed = ({"eval/frechet": 2.0}, ("eval/kid",))
    assert firsts(came, training, missed, training, missed) == ([False] * 4 + [True], 0.5)
    assert firsts(missed, came, missed, came) == ([False] * 3 + [True], 0.5)
    assert firsts(missed, missed) == ([False, True], None)


def tell(lines):
    history = alarms.start()
    for line in lines:
        history, changed = alarms.watch(history, RULES, line)
        yield changed


def test_what_an_alarm_remembers_is_bounded():
    history = alarms.start()
    for i in range(200):
        history, _ = alarms.watch(history, RULES, {"d/loss": float(i), "g/grad_norm": 1.0})
    assert len(history["last"]["d/loss"]) == 3 * alarms.LONG


def test_diversity_is_the_ratio_of_mean_squared_distances():
    real, fake = np.random.default_rng(0).normal(size=(2, 12, 3, 3, 1))
    fake = 0.5 * fake + 7

    def pairs(x):
        flat = x.reshape(12, -1)
        return ((flat[:, None] - flat[None]) ** 2).sum(-1).mean()

    found = vitals.diversity(jnp.asarray(real), jnp.asarray(fake))
    assert found == pytest.approx(pairs(fake) / pairs(real), rel=1e-5)
    assert vitals.diversity(jnp.asarray(real), jnp.ones((12, 3, 3, 1))) == 0
    halves = jax.pmap(lambda r, f: vitals.diversity(r, f, "data"), axis_name="data")(
        real.reshape(2, 6, 3, 3, 1), fake.reshape(2, 6, 3, 3, 1)
    )
    np.testing.assert_allclose(halves, pairs(fake) / pairs(real), rtol=1e-5)


def test_accuracies_are_not_logged_where_no_logit_divides():
    logits = jnp.array([1.0, -1.0, 2.0, 3.0])
    found = vitals.accuracies(losses.hinge, logits, -logits)
    assert found == {"d/real_accuracy": 0.75, "d/fake_accuracy": 0.75}
    shifted = vitals.accuracies(losses.least_squares, logits + 0.5, 0.5 - logits)
    assert shifted == found
    assert vitals.accuracies(losses.wasserstein, logits, logits) == {}


# Causes. Each is a small run that goes wrong in one way, and a twin that does not.


def alarmed(folder, settings):
    """The alarms that a run logs."""
    assert run(settings, folder) == 0
    return {
        key.removeprefix("alarm/")
        for line in log_lines(folder)
        for key, value in line.items()
        if key.startswith("alarm/") and value
    }


def small(*overrides):
    fields = ("log.every=5", "alarms.window=3", "sample.every=0", "evaluation.every=0", *overrides)
    return smoke("gan_digits", *fields)


def alone(name, *overrides):
    """A run of the method and config in ``tests/plugins``."""
    path = EXPERIMENTS.parent / "tests" / "plugins" / f"{name}.py"
    fields = [f"--config.{field}" for field in ("parallel.devices=1", *overrides)]
    return config.load(str(path), fields)


def test_a_generator_that_learns_too_fast_collapses(tmp_path):
    fast = small("steps=100", "method.g_optimizer.learning_rate=0.3")
    assert "collapse" in alarmed(tmp_path / "fast", fast)


@pytest.mark.slow
def test_a_discriminator_far_ahead_of_a_saturating_generator_leaves_no_gradient(tmp_path):
    ahead = (
        "method.loss=minimax",
        "method.d_optimizer.learning_rate=0.1",
        "method.g_optimizer.learning_rate=0.00001",
    )
    assert alarmed(tmp_path / "ahead", small("steps=150", *ahead)) >= {"vanishing", "imbalance"}


@pytest.mark.slow
def test_a_run_that_goes_well_raises_no_alarm(tmp_path):
    # Its first steps aside, where all that is generated is grey.
    assert alarmed(tmp_path / "well", small("steps=150", "alarms.window=15")) == set()


NOTHING_LEARNED = (
    "health.on_nonfinite=skip",
    "method.d_optimizer.name=sgd",
    "method.d_optimizer.learning_rate=3e38",
)


def test_a_run_whose_every_step_is_skipped_is_told(tmp_path, capsys):
    assert alarmed(tmp_path, small("steps=20", *NOTHING_LEARNED)) == {"skipped"}
    out, err = capsys.readouterr()
    assert err.count("alarm: ") == 1
    assert "step 5: alarm: nothing is learned: 100% of the steps" in err
    last = out.splitlines()[-1]
    assert last.startswith("finished at step 20 (20 steps skipped, so that nothing was learned): ")


@pytest.mark.parametrize("metric", ["d/loss", "g/diversity"])
def test_callbacks_count_a_metric_that_does_not_come(tmp_path, capsys, metric):
    rules = (f"early_stopping.metric={metric}", "early_stopping.patience=2")
    slower = (f"reduce_on_plateau.metric={metric}", "reduce_on_plateau.patience=1")
    settings = small("steps=200", *NOTHING_LEARNED, *rules, *slower)
    assert run(settings, tmp_path) == 0
    assert log_lines(tmp_path)[-1]["step"] == 10
    out = capsys.readouterr().out
    assert f"step 10: stopped early, {metric} no longer improves" in out
    assert f"step 5: plateau of {metric}, learning rates times 0.5" in out


def test_a_run_that_counted_no_skipped_steps_goes_on(tmp_path, monkeypatch, capsys):
    save = pauses.save

    def save_as_before(run, *rest):
        del run.record["skipped"]
        save(run, *rest)

    monkeypatch.setattr(pauses, "save", save_as_before)
    assert run(small("steps=5", *NOTHING_LEARNED), tmp_path) == 0
    monkeypatch.undo()
    assert run(small("steps=10", *NOTHING_LEARNED), tmp_path) == 0
    assert "finished at step 10 (5 steps skipped): " in capsys.readouterr().out


def test_a_game_that_circles_oscillates_and_one_with_friction_does_not(tmp_path):
    assert alarmed(tmp_path / "circles", alone("dirac_gan")) == {"oscillation"}
    rest = alone("dirac_gan", "method.friction=2.0")
    assert alarmed(tmp_path / "rests", rest) == set()


@pytest.mark.parametrize(("images", "expected"), [(16, {"overfitting"}), (4000, set())])
def test_a_discriminator_of_few_images_overfits(tmp_path, images, expected):
    noise = np.random.default_rng(0).integers(0, 256, (images + 200, 8, 8, 1)).astype(np.uint8)
    np.savez(tmp_path / "noise.npz", x_train=noise[:images], x_test=noise[images:])
    found = alone("perfect_generator", f"data.data_dir={tmp_path}/noise.npz")
    assert alarmed(tmp_path / "run", found) == expected


def test_a_generator_that_copies_its_training_set_is_told(tmp_path, monkeypatch):
    matrix = np.random.default_rng(0).normal(size=(64, 16)).astype(np.float32) / 100

    def project(params, images):
        return images.reshape(len(images), -1).astype("float32") @ params, None

    of = Extractor("projection", "0" * 64, "none", 16, 0, matrix, project)
    trained = SimpleNamespace(extractor=of)
    monkeypatch.setattr(opening.domain, "load", lambda *args, **kwargs: trained)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert alarmed(tmp_path / "copies", alone("copycat")) == {"memorization"}
    assert alarmed(tmp_path / "noisy", alone("copycat", "method.noise=0.5")) == set()
