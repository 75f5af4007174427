import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.base.errors import UserError
from jaxgan.data import images


def gradient(H, W, C=3):
    ramp = np.linspace(0, 255, H * W * C).reshape(H, W, C)
    return ramp.astype(np.uint8)


def test_nothing_asked_nothing_changed():
    image = gradient(5, 7)
    assert images.fit(image, 0, 0) is image
    assert images.fit(gradient(6, 6), 6, 3).tolist() == gradient(6, 6).tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_centre_is_cut_out_before_resizing(dtype):
    image = np.zeros((4, 8, 1), dtype)
    image[:, 2:6] = 1
    out = images.fit(image, 2, 0)
    assert out.shape == (2, 2, 1)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, np.ones((2, 2, 1)))


def test_resizing_colour_equals_pillow():
    image = gradient(8, 8)
    expected = Image.fromarray(image).resize((5, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(images.fit(image, 5, 0), np.asarray(expected))


def test_resizing_floats_stays_in_range():
    image = np.where(np.indices((8, 8)).sum(0) // 4 % 2, 1.0, -1.0).astype(np.float32)[..., None]
    out = images.fit(image, 29, 0)
    assert out.min() == -1.0
    assert out.max() == 1.0


def test_colour_to_grey_equals_pillow_to_a_level():
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).convert("L")).astype(int)
    grey = images.fit(image, 0, 1)
    assert grey.dtype == np.uint8
    assert abs(grey[..., 0].astype(int) - expected).max() <= 1


def test_grey_to_colour_repeats():
    image = gradient(4, 4, 1)
    np.testing.assert_array_equal(images.fit(image, 0, 3), np.repeat(image, 3, axis=-1))


def test_float_grey_of_white_is_white():
    np.testing.assert_allclose(images.fit(np.ones((2, 2, 3), np.float32), 0, 1), 1.0, rtol=1e-6)


def save(path, mode, **options):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8))
    image.convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3)]
)
def test_the_header_tells_what_decoding_gives(tmp_path, mode, channels):
    path = save(tmp_path / "x.png", mode)
    pixels = images.decode(path)
    assert pixels.shape == (6, 5, channels) == images.header(path)
    assert pixels.dtype == np.uint8


def test_transparent_pixels_lie_on_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = [10, 20, 30, 255]
    Image.fromarray(rgba).save(tmp_path / "x.png")
    pixels = images.decode(tmp_path / "x.png")
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert pixels[1, 1].tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    deep = np.array([[0, 256], [0x8000, 0xFFFF]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "x.png")
    pixels = images.decode(tmp_path / "x.png")
    assert pixels[..., 0].tolist() == [[0, 1], [128, 255]]
    assert images.header(tmp_path / "x.png") == (2, 2, 1)


def test_exif_orientation_turns_the_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "x.jpg", "RGB", exif=exif)
    assert images.decode(tmp_path / "x.jpg").shape == (5, 6, 3)
    assert images.header(tmp_path / "x.jpg") == (5, 6, 3)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n\0\0"])
@pytest.mark.parametrize("function", [images.decode, images.header, images.is_deep])
def test_no_image_is_named(tmp_path, refused, function, content):
    (tmp_path / "x.png").write_bytes(content)
    assert "x.png" in refused(function, tmp_path / "x.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_a_file_cut_short_is_named(tmp_path, refused, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert path.name in refused(images.decode, path)


def test_every_prefix_of_a_png_is_refused(tmp_path):
    save(tmp_path / "x.png", "RGB")
    content = (tmp_path / "x.png").read_bytes()
    for length in range(len(content) - 20):  # the last bytes are the empty end marker
        (tmp_path / "x.png").write_bytes(content[:length])
        with pytest.raises(UserError):
            images.decode(tmp_path / "x.png")


def deep_png(path, pixels):
    """Write uint16 [H, W, C] as a PNG by hand: of 16 bits, Pillow writes only grey ones."""
    H, W, C = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", W, H, 16, {1: 0, 2: 4, 3: 2, 4: 6}[C], 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_known_from_the_header(tmp_path, channels):
    deep_png(tmp_path / "x.png", np.full((2, 3, channels), 0xFFFF, np.uint16))
    assert images.is_deep(tmp_path / "x.png")
    pixels = images.decode(tmp_path / "x.png")
    assert pixels.shape == images.header(tmp_path / "x.png")
    assert pixels.min() == 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_others_have_eight(tmp_path, mode, suffix):
    try:
        path = save(tmp_path / f"x.{suffix}", mode)
    except OSError:
        pytest.skip(f"no {suffix} of mode {mode}")
    assert not images.is_deep(path)
