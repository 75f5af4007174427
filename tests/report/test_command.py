"""The command line: what it writes and refuses, and the server that follows a run."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

from jaxgan.base import terminal
from jaxgan.report import __main__ as command
from jaxgan.report import page, serving
from tests.report.made import Parts, line, run


def refusal(capsys, *arguments):
    code = terminal.answer(command.run, [str(each) for each in arguments])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("error: ").rstrip("\n")


def test_it_writes_one_file(tmp_path, capsys, monkeypatch):
    place, other = run(tmp_path / "a", [line(10)]), run(tmp_path / "b", [line(10)], batch_size=1)
    before = {path.name for path in place.iterdir()}
    assert terminal.answer(command.run, [str(place)]) == 0
    assert capsys.readouterr().out.startswith(f"{place}/report.html (1.3")
    assert {path.name for path in place.iterdir()} == before | {"report.html"}
    monkeypatch.chdir(tmp_path)
    assert terminal.answer(command.run, [str(place), str(other)]) == 0
    assert terminal.answer(command.run, [str(place), str(other)]) == 0  # a report is made anew
    assert len(Parts((tmp_path / "report.html").read_text()).curves["d/loss"]) == 2


def test_what_it_refuses(tmp_path, capsys, monkeypatch):
    place, empty = run(tmp_path / "a", [line(10)]), tmp_path / "empty"
    empty.mkdir()
    mine = tmp_path / "mine.html"
    mine.write_text("<!DOCTYPE html>\nmy own")
    for arguments, told in (
        ((), "WORKDIR is missing"),
        ((tmp_path / "none",), "none is not the folder of a run: no config.json"),
        ((tmp_path,), f"{tmp_path} is no run, but holds 1; name them: {place}"),
        ((place, empty, f"--out={tmp_path}/new.html"), "empty is not the folder of a run"),
        ((place, f"--out={mine}"), "mine.html is not a report; it is left alone"),
        ((place, f"--out={tmp_path}/x.pdf"), "--out must end in .html, not 'x.pdf'"),
        ((place, f"--out={place}/config.json/x.html"), "no file can be made there"),
        ((place, "--out=gs://b/x.html"), "is an address, not a folder"),
        ((place, "--watch", "--out=x.html"), "--out is for the file; --watch writes none"),
        ((place, "--wach"), "unknown flag --wach; did you mean --watch?"),
        ((place, "--config.steps=1"), "a report has no config: --config.steps=1"),
    ):
        assert told in refusal(capsys, *arguments)
    (place / "config.json").write_text("{")
    assert "config.json cannot be read" in refusal(capsys, place)
    assert mine.read_text() == "<!DOCTYPE html>\nmy own"
    assert not list(tmp_path.rglob("*report.html")) + list(tmp_path.rglob("new.html"))
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    told = "a report needs Bokeh and Jinja2 and PyArrow: pip install 'jaxgan[report]'"
    assert refusal(capsys, place) == told


@pytest.fixture
def served(tmp_path):
    place = run(tmp_path / "a", [line(10)])
    pages = serving.Pages([place])
    server = serving.Server((serving.HOST, 0), serving.handler(pages))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield place, pages, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def get(port, path="/", **headers):
    connection = http.client.HTTPConnection(serving.HOST, port, timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    try:
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_a_page_follows_its_run(served):
    place, pages, port = served
    status, text = get(port)
    assert status == 200
    state = re.search(r'data-state="(\w+)"', text)[1]
    assert get(port, "/state") == (200, state)
    with (place / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line(20)) + "\n")
    # Not more often than it can be made.
    assert get(port, "/state") == (200, state)
    pages.rest = 0.0
    assert get(port, "/state")[1] != state
    assert Parts(get(port)[1]).curves["d/loss"][0]["steps"] == [10, 20]
    (place / "config.json").unlink()
    status, text = get(port)
    assert status == 503
    assert "no config.json" in text


def test_no_other_is_answered(served):
    _, _, port = served
    assert get(port, "/", Host=f"evil.example:{port}")[0] == 403
    assert get(port, "/state", Host=f"localhost:{port}")[0] == 200
    assert get(port, "/../config.json")[0] == 404


def test_watch_until_ctrl_c(tmp_path):
    place = run(tmp_path / "a", [line(10)])
    arguments = [sys.executable, "-m", "jaxgan.report", str(place), "--watch"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.match(r"(http://127\.0\.0\.1:\d+/) ", process.stdout.readline())[1]
        with urllib.request.urlopen(address, timeout=60) as response:
            assert response.read().decode().startswith(page.MARK)
        process.send_signal(signal.SIGINT)
        said, wrong = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, said, wrong) == (0, "stopped\n", "")
    assert not (place / "report.html").exists()
