"""No way out of the machine, and mirrors in it."""

import pytest
from tiny import PACKED, Server

from minidl.data import sources


@pytest.fixture
def isolated(monkeypatch, tmp_path):
    """No data folder, an empty cache, and no way out of the machine."""
    monkeypatch.delenv("MINIDL_DATA", raising=False)
    monkeypatch.delenv("MINIDL_OFFLINE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    sources._warn_of_subset.cache_clear()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "minidl" / "tiny"


@pytest.fixture
def serve():
    """Start local mirrors of the given pages."""
    servers = []

    def start(pages=PACKED):
        servers.append(Server(pages))
        return servers[-1]

    yield start
    for server in servers:
        server.release.set()
        server.shutdown()
        server.server_close()
