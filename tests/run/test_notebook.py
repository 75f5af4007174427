"""What a notebook shows of models and images, and its bars of progress."""

import base64
import html
import io
import re
import sys
import types

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan.base import terminal
from jaxgan.base.errors import UserError
from jaxgan.run import notebook
from jaxgan.watch import pictures
from tests.conftest import run, smoke
from tests.weights.test_reading import golden


@pytest.fixture
def kernel(monkeypatch):
    """IPython as it is behind a notebook; what it displays."""
    shown = []
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = shown.append
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return shown


def picture_of(page):
    (found,) = re.findall(r'<img src="data:image/png;base64,([^"]+)">', page)
    return Image.open(io.BytesIO(base64.b64decode(found)))


def test_images_are_shown_as_a_grid(kernel):
    images = np.linspace(-1, 1, 4 * 6 * 6).reshape(4, 6, 6, 1).astype(np.float32)
    jaxgan.show(images)
    jaxgan.show(images[0])
    jaxgan.show(np.zeros((5, 2)))
    grid, one, points = kernel
    assert grid.size == (2 * 7 * 36, 2 * 7 * 36)
    assert one.size == (7 * 73, 7 * 73)
    assert points.mode == "L"


def test_bytes_are_shown_as_what_they_are():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(pictures.to_bytes(notebook.checked(stored)), stored)
    with pytest.raises(UserError, match="images are of one shape"):
        notebook.checked([np.zeros((8, 8, 1)), np.zeros((4, 8, 1))])


def test_outside_of_a_notebook_they_have_a_window(monkeypatch):
    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda self: shown.append(self))
    monkeypatch.setenv("DISPLAY", ":0")
    jaxgan.show(np.zeros((1, 4, 4, 3)))
    assert shown[0].mode == "RGB"
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(notebook.sys, "platform", "linux")
    with pytest.raises(UserError, match="neither a notebook nor a screen to show images on"):
        jaxgan.show(np.zeros((1, 4, 4, 3)))
    assert len(shown) == 1


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((3, 3)), np.zeros((0, 4, 4, 1)), np.zeros((4, 4, 2)), np.zeros(3), [[["a"]]], None],
)
def test_what_is_no_image(kernel, wrong):
    with pytest.raises(
        UserError, match=r"images are \[n, H, W, C\] in \[-1, 1\], C = 1 or 3, or points"
    ):
        jaxgan.show(wrong)
    with pytest.raises(UserError, match="images must be finite"):
        jaxgan.show(np.full((1, 4, 4, 1), np.nan))
    assert not kernel


@pytest.mark.parametrize("experiment", ["cgan_digits", "gan_ring", "vae_digits"])
def test_a_model_shows_samples_and_facts(tmp_path, experiment):
    points = experiment == "gan_ring"
    more = ["data.name=ring"] if points else []
    run(smoke(experiment, "sample.every=0", "evaluation.every=0", *more), tmp_path)
    gan = jaxgan.load(tmp_path)
    method, step = gan.config.method.name, gan.step
    assert repr(gan).startswith(f"<Model: method {method}, data ")
    assert f"step {step}" in repr(gan)
    assert len(repr(gan)) < 300
    page = gan._repr_html_()
    assert f"<td>{method}" in page
    count = sum(x.size for x in jax.tree.leaves(gan.state.nets[min(gan.state.nets)].params))
    assert f"{count:,} of " in page
    shown = picture_of(page)
    assert shown.size == (512, 512) if points else (4 * 9 * 14, 4 * 9 * 14)


def test_names_are_escaped():
    model = types.SimpleNamespace(facts={"data": "<script>alert(1)</script>"})
    page = notebook.page(model, None)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_bar_is_seen_in_a_notebook_and_on_a_terminal_alone(kernel, monkeypatch, capsys):
    assert not terminal.progress(total=1).disable
    assert terminal.progress(total=1, quiet=True).disable
    monkeypatch.delitem(sys.modules, "IPython")
    assert terminal.progress(total=1).disable, "standard error is no terminal here"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert not terminal.progress(total=1).disable
    assert terminal.progress(total=1, quiet=True).disable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("stylegan2_small_cond32.pkl", True),
        ("hf_biggandeep_small32", True),
        ("biggan_small_cifar32/G_ema.pth", True),
        ("pix2pix_unet5_small/latest_net_G.pth", False),
    ],
)
def test_published_networks_show_themselves(name, shown):
    gan = jaxgan.load(golden(name))
    page = gan._repr_html_()
    assert ("<img" in page) == shown
    assert gan.file.licence in html.unescape(page)
    assert re.search(r"\d of g", repr(gan))
