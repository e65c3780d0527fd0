"""A tiny data set in files, and local mirrors that serve them, stall or break off."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import threading

import numpy as np

from minidl.data import MNIST, FashionMNIST
from minidl.data.files import FileSet
from minidl.data.formats import parse_idx

FILES = ("images.gz", "labels.gz")


def idx(array: np.ndarray) -> bytes:
    """A uint8 array as the contents of an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


PIXELS = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
LABELS = np.arange(30, dtype=np.uint8) % 10
CONTENTS = {"images.gz": idx(PIXELS), "labels.gz": idx(LABELS)}
PACKED = {"/" + name: gzip.compress(content) for name, content in CONTENTS.items()}
HASHES = {name: sha256(content) for name, content in CONTENTS.items()}
TINY = FileSet("tiny", "tiny", parse_idx, train=HASHES, test={}, mirrors=())


class Tiny(FashionMNIST):
    file_set = TINY


class TinyDigits(MNIST):
    file_set = TINY


def put(root, **damaged: bytes):
    """Write the tiny data set to root/tiny, or other bytes for the files named."""
    folder = root / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_bytes(damaged.get(name.removesuffix(".gz"), PACKED["/" + name]))
    return folder


class Server(http.server.ThreadingHTTPServer):
    """A local mirror of `pages`; it sends half of a path in `stalling` and waits, or breaks off for `breaking`."""

    daemon_threads = True

    def __init__(self, pages):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.pages, self.stalling, self.breaking, self.log = dict(pages), set(), set(), []
        self.release = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.log.append(self.path)
        if self.path not in self.server.pages:
            return self.send_error(404)
        body = self.server.pages[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        if self.path in self.server.stalling:
            self.server.release.wait(10)
        if self.path not in self.server.breaking:
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body[half:])

    def log_message(self, *_):
        pass


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
