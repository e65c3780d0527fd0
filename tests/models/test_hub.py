"""Weights from the Hugging Face hub: a server beside the test stands in for it."""

import hashlib
import http.server
import sys
import threading

import numpy as np
import pytest

import minidl as md
from minidl import models
from minidl.models import weights as catalog
from minidl.models.hub import fetch_from_hub

REPO, FILE = "timm/resnet20.test", "model.safetensors"


class Hub(http.server.ThreadingHTTPServer):
    """Serves one file: as a whole, or broken off at a place the first time; and says what it was asked for."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.breaks, self.asked = content, hashlib.sha256(content).hexdigest(), 0, []

    def handle_error(self, request, client_address):
        """A connection that was broken off on purpose is no error."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Nothing."""

    def answer(self, body):
        hub = self.server
        first, _, _ = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        rest = hub.content[int(first) :]
        known = self.path == f"/{REPO}/resolve/main/{FILE}"
        hub.asked += [(self.command, self.headers.get("Range"))] if known else []
        if not known:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if "Range" in self.headers else 200)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {first}-{len(hub.content) - 1}/{len(hub.content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", f'"{hub.etag}"')
        self.send_header("X-Repo-Commit", "1" * 40)
        self.end_headers()
        if body and hub.breaks:
            self.wfile.write(rest[: hub.breaks])
            hub.breaks, self.close_connection = 0, True
        elif body:
            self.wfile.write(rest)

    def do_HEAD(self):  # noqa: N802
        self.answer(body=False)

    def do_GET(self):  # noqa: N802
        self.answer(body=True)


@pytest.fixture(scope="module")
def state():
    """What a small network starts from."""
    return models.resnet20().state_dict()


@pytest.fixture
def hub(state, tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    md.save(state, tmp_path / "whole.safetensors")
    server = Hub((tmp_path / "whole.safetensors").read_bytes())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"  # what HF_ENDPOINT says to a new process
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(catalog.CATALOG, "resnet20.test", catalog.timm("resnet20.test"))
    monkeypatch.setenv("MINIDL_OFFLINE", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MINIDL_WEIGHTS", raising=False)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.deep
def test_weights_are_downloaded_once(hub, state, monkeypatch):
    """And then taken from the cache, without a network, too."""
    for offline in ("0", "1"):
        monkeypatch.setenv("MINIDL_OFFLINE", offline)
        network = models.get_model("resnet20", weights="test")
        for name, value in network.state_dict().items():
            np.testing.assert_array_equal(value.numpy(), state[name].numpy())
    assert [command for command, _ in hub.asked].count("GET") == 1


@pytest.mark.deep
def test_a_download_that_breaks_off_goes_on_where_it_was(hub, monkeypatch):
    hub.breaks = 100_000
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)  # what is kept is whole chunks
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    path = fetch_from_hub(REPO, FILE)
    assert path.read_bytes() == hub.content
    assert [asked for command, asked in hub.asked if command == "GET"] == [None, "bytes=100000-"]


@pytest.mark.deep
def test_contents_that_are_not_what_the_hub_says(hub):
    """They are deleted, so that the next time they are downloaded anew."""
    right, hub.content = hub.content, hub.content[:-1] + b"?"
    for _ in range(2):
        with pytest.raises(ValueError, match=r"model\.safetensors: its SHA-256 is .* instead of .*; it is deleted"):
            fetch_from_hub(REPO, FILE)
    hub.content = right
    assert fetch_from_hub(REPO, FILE).read_bytes() == right


@pytest.mark.deep
def test_what_is_not_there(hub, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"/other: not in the hub's cache; download: \w+Error"):
        fetch_from_hub(REPO, "other")
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    asked = list(hub.asked)
    with pytest.raises(FileNotFoundError, match=r"download: not tried \(MINIDL_OFFLINE is set\)"):
        fetch_from_hub(REPO, FILE)
    assert hub.asked == asked


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"test is on the Hugging Face hub: pip install 'minidl\[hub\]'"):
        fetch_from_hub(REPO, FILE)
