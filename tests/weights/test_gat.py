"""GAT's checkpoints: what its program saves, and what it makes of it."""

import argparse

import numpy as np
import pytest
import torch

import jaxgan
from jaxgan.base import errors
from tests.networks.test_gat import golden, last, near  # noqa: F401


@pytest.fixture
def checkpoint(golden, tmp_path):  # noqa: F811
    """A file as the authors' program saves it, with another average than its generator."""

    def write(**changed):
        of = {
            player: {
                name[2:]: torch.from_numpy(np.array(x))
                for name, x in golden.items()
                if name.startswith(player)
            }
            for player in "GD"
        }
        raw = {name: -x for name, x in of["G"].items()}
        content = {
            "generator": raw,
            "discriminator": of["D"],
            "ema": {**of["G"], **changed},
            "optG": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]},
            "optD": {"state": {}, "param_groups": []},
            "args": argparse.Namespace(model="GAT-B/2", batch_size=512, data_dir="/data"),
            "steps": 20000,
            "wallclock_time": 12.5,
            "wandb_run_id": "abc",
        }
        path = tmp_path / "0020000.pt"
        torch.save({name: x for name, x in content.items() if x is not None}, path)
        return path

    return write


def test_images_and_judgements_are_the_authors(golden, checkpoint):  # noqa: F811
    gan = jaxgan.load(checkpoint())
    assert (gan.file.family, gan.networks.shape, gan.networks.latent_dim) == ("gat", (8, 8, 4), 24)
    assert gan.file.settings["steps"] == 20000
    assert gan.file.settings["args"]["model"] == "GAT-B/2"
    images = gan.generate(golden["z"], golden["labels"])
    near(images, last(golden["out/img"]))
    means = np.asarray(golden["G/w_avg"])[np.asarray(golden["labels"])]
    near(
        gan.generate(golden["z"], golden["labels"], truncation=0.0),
        gan.generate(golden["z"] * 5 + 1, golden["labels"], truncation=0.0),
    )
    assert np.abs(means).max() > 0
    guided = gan.generate(golden["z"], golden["labels"], guidance=0.0)
    near(guided, gan.generate(golden["z"], golden["labels"][::-1], guidance=0.0))
    assert np.abs(guided - images).max() > 1e-3
    with pytest.raises(errors.UserError, match="guidance must be a number"):
        gan.generate(golden["z"], guidance=float("nan"))
    assert gan.discriminate(images, golden["labels"]).shape == (4,)


def test_what_does_not_fit_is_named(checkpoint):
    with pytest.raises(errors.UserError, match="w3"):
        jaxgan.load(checkpoint(**{"blocks.1.mlp.w3.weight": torch.zeros(3, 3)}))
    with pytest.raises(errors.UserError, match=r"'surplus' .* is of no use to this network"):
        jaxgan.load(checkpoint(surplus=torch.zeros(2)))
