"""Downloads: whole, verified, from the next mirror where one fails, and gone without a trace where they break."""

from __future__ import annotations

import gzip
import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from tiny import CONTENTS, FILES, HASHES, LABELS, PACKED, TINY, idx, names, sha256

from minidl.data import download, fetch
from minidl.data.files import FileSet
from minidl.data.formats import parse_idx

pytestmark = pytest.mark.usefixtures("isolated")


def test_offline_opens_no_socket(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(AssertionError):  # so the test can fail
        fetch("cifar10")
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match="MINIDL_OFFLINE is set"):
        fetch("cifar10")


def test_without_network_it_gives_up_soon(monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(60))
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match="no answer in 0.1 seconds"):
        fetch("fashion-mnist")
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("offline", ["", "0"])
def test_download_lands_whole(serve, cache, monkeypatch, offline):
    monkeypatch.setenv("MINIDL_OFFLINE", offline)  # which is off
    server = serve()
    assert replace(TINY, mirrors=(server.url,)).locate(HASHES) == cache
    assert {name: (cache / name).read_bytes() for name in FILES} == {name: PACKED["/" + name] for name in FILES}
    assert names(cache) == sorted(FILES)


WRONG = PACKED | {"/labels.gz": gzip.compress(idx(LABELS[::-1]))}


@pytest.mark.parametrize("first", [WRONG, PACKED | {"/labels.gz": b"junk"}, {}], ids=["altered", "no gzip", "absent"])
def test_the_next_mirror_is_tried(serve, cache, first):
    bad, good = serve(first), serve()
    replace(TINY, mirrors=(bad.url, good.url)).locate(HASHES)
    assert names(cache) == sorted(FILES) and (cache / "labels.gz").read_bytes() == PACKED["/labels.gz"]


def test_wrong_bytes_from_every_mirror(serve, cache):
    bad, absent = serve(WRONG), serve({})
    with pytest.raises(ValueError, match="contents altered") as caught:
        replace(TINY, mirrors=(bad.url, absent.url)).locate(HASHES)
    assert bad.url + "labels.gz" in str(caught.value) and "Not Found" in str(caught.value)
    assert names(cache) == ["images.gz"]


def test_a_broken_connection_is_a_network_error(serve, cache):
    server = serve()
    server.breaking.add("/images.gz")
    size = len(PACKED["/images.gz"])
    with pytest.raises(FileNotFoundError, match=rf"images\.gz broke off after {size // 2} of {size} bytes"):
        replace(TINY, mirrors=(server.url,)).locate(HASHES)
    assert names(cache) == []
    assert server.log == ["/images.gz"]  # given up at the first error
    server.pages["/images.gz"] = b"xy"
    with pytest.raises(FileNotFoundError, match=r"images\.gz broke off after 1 of 2 bytes"):
        replace(TINY, mirrors=(server.url,)).locate(HASHES)


def test_a_server_that_falls_silent_is_given_up(serve, cache, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    server = serve()
    server.stalling.add("/images.gz")
    with pytest.raises(FileNotFoundError, match="timed out"):
        replace(TINY, mirrors=(server.url,)).locate(HASHES)
    assert names(cache) == []


def tar(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo("folder/binary/" + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_download_of_an_archive(serve, cache):
    contents = {"images": CONTENTS["images.gz"], "labels": CONTENTS["labels.gz"]}
    hashes = {name: sha256(content) for name, content in contents.items()}
    whole = tar(contents | {"readme": b"more"})
    server = serve({"/all.tar.gz": whole})
    file_set = FileSet("tiny", "tiny", parse_idx, hashes, {}, (server.url,), archive="all.tar.gz")
    file_set.locate(hashes)
    assert names(cache) == ["images", "labels"] and (cache / "labels").read_bytes() == contents["labels"]
    for faulty, fault in [
        (whole[: len(whole) // 2], "not a whole tar archive"),
        (b"junk", "not a whole tar archive"),
        (tar(contents | {"labels": b"other"}), "labels: contents altered"),
        (tar({"images": contents["images"]}), "the archive lacks labels"),
    ]:
        server.pages["/all.tar.gz"] = faulty
        (cache / "labels").unlink()
        with pytest.raises(ValueError, match=rf"all\.tar\.gz: {fault}"):
            file_set.locate(hashes)
        assert names(cache) == ["images"]
        (cache / "labels").touch()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this platform")
def test_a_killed_download_leaves_no_file(serve, cache):
    content = np.random.default_rng(2).bytes(1 << 20)
    hashes = {"big": sha256(content)}
    server = serve({"/big": content})
    server.stalling.add("/big")
    script = f"""
        from minidl.data.files import FileSet
        from minidl.data.formats import parse_idx
        FileSet("tiny", "tiny", parse_idx, {hashes}, {{}}, ("{server.url}",)).locate({hashes})
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], env=environment)
    try:
        deadline = time.monotonic() + 120
        while not any(path.stat().st_size for path in cache.glob("*")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (part,) = cache.iterdir()
    assert part.name.startswith(".big.") and part.name.endswith(".part") and 0 < part.stat().st_size < len(content)

    server.stalling.clear()
    live = cache / ".big.00000000.part"  # another process is writing this one
    live.touch()
    os.utime(part, (0, time.time() - 2 * download.STALE))
    replace(TINY, train=hashes, mirrors=(server.url,)).locate(hashes)
    assert names(cache) == sorted([live.name, "big"]) and (cache / "big").read_bytes() == content


def test_progress_shows_on_a_terminal_only(serve, tmp_path, monkeypatch, capsys):
    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(tqdm.tqdm, "_lock", threading.RLock(), raising=False)  # its own is shared with forks
    file_set = replace(TINY, mirrors=(serve().url,))
    file_set.locate(HASHES, tmp_path / "silent")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    file_set.locate(HASHES, tmp_path / "shown")
    assert "labels.gz: 100%" in capsys.readouterr().err


# What is said of them
