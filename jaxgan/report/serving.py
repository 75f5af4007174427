"""A page that follows runs still going: a small server for the browser on this machine."""

import dataclasses
import http.server
import sys
import threading
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from jaxgan.base import errors, terminal
from jaxgan.report import page, reading
from jaxgan.run import run_folder

HOST = "127.0.0.1"
# How much longer than a page takes to make it stays as it is.
PATIENCE = 4.0
WATCHED = (run_folder.CONFIG, run_folder.METRICS, f"{run_folder.SAMPLES}/*", "*.gif")
FAILED = "<!DOCTYPE html>\n<meta charset=utf-8><meta http-equiv=refresh content=5>\n<p>{}</p>\n"


def follow(workdirs: Sequence[Path]) -> None:
    """Serves the page until Ctrl-C, to this machine alone.

    Raises:
      UserError: if one of the folders holds no run now.
    """
    reading.read(workdirs)
    pages = Pages(list(workdirs))
    with Server((HOST, 0), handler(pages)) as server:
        try:
            terminal.show(f"http://{HOST}:{server.server_port}/ follows the runs; Ctrl-C stops it")
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            terminal.show("stopped")


def state(workdirs: Sequence[Path]) -> str:
    """What changes whenever a file does that the page is made of."""
    found = []
    for workdir in workdirs:
        for pattern in (*WATCHED, f"{run_folder.EVALUATION}/*"):
            # Of lanes and of a sweep's runs, too: folders at most two deeper.
            for depth in ("", "*/", "*/*/"):
                for path in workdir.glob(depth + pattern):
                    try:
                        status = path.stat()
                    except OSError:
                        continue
                    found.append((str(path), status.st_size, status.st_mtime_ns))
    return f"{hash(tuple(sorted(found))) % 2**64:x}"


def handler(pages: "Pages") -> type[http.server.BaseHTTPRequestHandler]:
    """What answers: ``/`` with the page, ``/state`` with what it was made of."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Of one request."""

        def do_GET(self) -> None:
            """Answers it."""
            # A page elsewhere may have given this address a name of its own, to read it.
            if self.headers.get("Host", "").partition(":")[0] not in (HOST, "localhost"):
                self.reply(403, "text/plain", "this machine alone is answered")
            elif self.path == "/":
                code, text = pages.current()
                self.reply(code, "text/html", text)
            elif self.path == "/state":
                self.reply(200, "text/plain", pages.newest())
            else:
                self.reply(404, "text/plain", "there is / and /state")

        def reply(self, code: int, kind: str, text: str) -> None:
            """Sends it."""
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a line for each request would hide the address."""

    return Handler


@dataclasses.dataclass
class Pages:
    """The newest page, made again when it is asked for and a file has changed."""

    workdirs: list[Path]
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    made: str = ""
    code: int = 200
    text: str = ""
    rest: float = 0.0  # until when it is not made again

    def current(self) -> tuple[int, str]:
        """The code and the text of the page."""
        with self.lock:
            now = state(self.workdirs)
            if now != self.made:
                started = time.monotonic()
                try:
                    self.code, self.text = 200, page.render(self.workdirs, state=now)
                except errors.UserError as error:
                    self.code, self.text = 503, FAILED.format(escape(str(error)))
                ended = time.monotonic()
                self.made, self.rest = now, ended + PATIENCE * (ended - started)
            return self.code, self.text

    def newest(self) -> str:
        """The state of the files now, or that of the page while it is too early for another."""
        return self.made if time.monotonic() < self.rest else state(self.workdirs)


class Server(http.server.ThreadingHTTPServer):
    """The server; a browser that has gone is no error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong, unless the connection did."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
