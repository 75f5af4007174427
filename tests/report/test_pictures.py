"""Pictures stay within their bound, and what is left out is said."""

import base64
import io

from PIL import Image

from jaxgan.report import pictures, reading
from tests.report.made import run


def strips(place, budget):
    return pictures.strips(reading.read([place]), budget)


def size(strip):
    uris = [each.uri for each in strip.pictures] + [strip.animation]
    return sum(len(base64.b64decode(uri.partition(",")[2])) for uri in uris)


def gif(place):
    paths = sorted((place / "samples").glob("*.png"))
    frames = [Image.open(path).resize((160, 160)) for path in paths[:12]]
    frames[0].save(place / "samples.gif", save_all=True, append_images=frames[1:])
    return (place / "samples.gif").stat().st_size


def test_all_as_they_are_where_they_fit(tmp_path):
    place = run(tmp_path / "a", pictures=range(0, 50, 10))
    gif(place)
    (strip,) = strips(place, 10**7)
    assert [each.step for each in strip.pictures] == [0, 10, 20, 30, 40]
    shown = base64.b64decode(strip.pictures[2].uri.partition(",")[2])
    assert shown == (place / "samples" / "step_00000020.png").read_bytes()
    assert strip.animation.startswith("data:image/gif;")
    assert strip.remarks == []


def test_fewer_and_smaller_where_they_do_not(tmp_path):
    place = run(tmp_path / "a", pictures=range(0, 500, 10))
    assert gif(place) > 100_000
    (strip,) = strips(place, 60_000)
    assert 2 <= len(strip.pictures) < 40
    assert (strip.pictures[0].step, strip.pictures[-1].step) == (0, 490)
    assert size(strip) <= 60_000
    told = " ".join(strip.remarks)
    assert f"{len(strip.pictures)} of 50 pictures are shown" in told
    assert "samples.gif" in told


def test_kinds_of_pictures(tmp_path):
    place = run(tmp_path / "a", pictures=(0, 10))
    for name in ("manifold_00000010.png", "sample_00000010.png", "notes.png"):
        (place / "samples" / name).write_bytes(
            (place / "samples" / "step_00000010.png").read_bytes()
        )
    titles = [strip.title for strip in strips(place, 10**6)]
    assert titles == ["a: samples", "a: manifold", "a: drawn afterwards"]


def test_what_a_full_disk_leaves_and_other_formats(tmp_path):
    place = run(tmp_path / "a", pictures=(0, 10, 20))
    gif(place)
    whole, samples = (place / "samples.gif").read_bytes(), place / "samples"
    for left in (b"", b"x\n", whole[:500]):
        (place / "samples.gif").write_bytes(left)
        (strip,) = strips(place, 10**6)
        assert strip.animation == "", left
        assert f"{place / 'samples.gif'} could not be read" in strip.remarks
    (place / "samples.gif").write_bytes(whole)
    Image.open(samples / "step_00000010.png").save(samples / "step_00000010.png", "JPEG")
    (samples / "step_00000020.png").write_bytes(b"no picture")
    (strip,) = strips(place, 10**6)
    assert [each.uri[:16] for each in strip.pictures] == ["data:image/png;b", "data:image/webp;"]
    assert strip.remarks[0] == "1 picture could not be read: step_00000020.png"


def test_large_ones_are_made_smaller(tmp_path):
    place = run(tmp_path / "a", pictures=(0,))
    path = place / "samples" / "step_00000000.png"
    Image.effect_noise((2000, 1000), 90).save(path)
    (strip,) = strips(place, 10**9)
    assert size(strip) < path.stat().st_size
    data = base64.b64decode(strip.pictures[0].uri.partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (640, 320)
