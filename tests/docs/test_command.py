"""The command that builds the site: into which folder, and what it leaves alone there."""

import re
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from docs import __main__ as command
from docs import api, lessons, markdown, written


@pytest.fixture
def asked(monkeypatch):
    """What Sphinx is asked for, when there are no pages to be written."""
    found = []

    def build_main(options):
        found.append(options)
        html = Path(options[-1])
        html.mkdir()
        (html / ".buildinfo").write_text("config: of the paths of this machine")
        return 0

    sphinx = SimpleNamespace(build_main=build_main)
    monkeypatch.setattr(command, "extra", lambda *names: sphinx)
    for name in ("MINIDL_PROFILE", "MINIDL_OFFLINE", "MINIDL_DATA"):
        monkeypatch.setenv(name, "")  # as it was, after the test
    for writer in (written, api, lessons, markdown):
        monkeypatch.setattr(writer, "pages", lambda source: None)
    return found


def test_a_folder_is_taken_from_where_one_stands(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(["--out", "site", "--without-outputs"]) == 0
    (options,) = asked
    assert options[-2:] == [str(tmp_path / "site" / name) for name in ("source", "html")]
    assert f"html_extra_path={tmp_path / 'site' / 'extra'}" in options and "nb_execution_mode=off" in options


def test_only_its_own_folders_are_emptied(asked, tmp_path):
    (tmp_path / "mine" / "source").mkdir(parents=True)
    (tmp_path / "mine" / "source" / "novel.txt").write_text("It was a dark and stormy night")
    with pytest.raises(FileExistsError, match="mine has a folder source or html that is not of the site"):
        command.build(tmp_path / "mine")
    assert (tmp_path / "mine" / "source" / "novel.txt").exists() and not asked
    for _ in range(2):
        assert command.build(tmp_path / "site") == 0
        assert list((tmp_path / "site" / "source").iterdir()) == []
        assert list((tmp_path / "site" / "html").iterdir()) == []  # no word of where it was built
        (tmp_path / "site" / "source" / "old.md").touch()
    assert len(asked) == 2 and "nb_execution_mode=cache" in asked[0]


def test_without_the_extra_it_says_how_to_come_by_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sphinx", None)
    monkeypatch.delitem(sys.modules, "sphinx.cmd.build", raising=False)
    with pytest.raises(ImportError, match=r"python -m docs: sphinx is not installed; pip install 'minidl\[docs\]'"):
        command.build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_shows_what_it_has_built(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command.http.server.ThreadingHTTPServer, "serve_forever", lambda self: asked.append("shown"))
    assert command.main(["--out", str(tmp_path), "--serve", "0"]) == 0
    assert asked[1:] == ["shown"] and re.match(r"http://127.0.0.1:\d+/, until Ctrl-C", capsys.readouterr().out)


def test_a_port_that_is_taken_is_said_before_anything_is_built(asked, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit):
            command.main(["--out", str(tmp_path), "--serve", str(port)])
    assert f"port {port} can't be had: " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["--out", str(tmp_path), "--serve", "70000"])
    assert "port must be 0-65535" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [] and not asked
