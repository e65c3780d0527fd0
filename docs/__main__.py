"""The command that builds the site: ``python -m docs --help``."""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from docs import api, lessons, markdown, written
from docs.markdown import CHECKOUT
from minidl.backend.extras import extra
from minidl.commands.arguments import number

DOCS = Path(__file__).parent


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    top = argparse.ArgumentParser(prog="python -m docs", description="Build the site; every warning is an error.")
    top.add_argument("--out", type=Path, default=CHECKOUT / "build" / "docs", help="folder (default: build/docs)")
    top.add_argument("--without-outputs", action="store_true", help="run no lesson")
    top.add_argument(
        "--serve", nargs="?", type=number(int, 0), const=8000, metavar="PORT", help="show it on this machine (8000)"
    )
    return top


def build(out: Path, outputs: bool = True) -> int:
    """Write the sources of all pages into ``out/source``, and make ``out/html`` of them.

    Raises
    ------
    FileExistsError
        If there are such folders that this has not made: they would be emptied.
    """
    build_main = extra("sphinx.cmd.build", "docs", "python -m docs").build_main
    out = out.resolve()  # Sphinx takes some paths as from its own folder
    source, html = out / "source", out / "html"
    if not (out / "no-data").is_dir() and (source.exists() or html.exists()):
        raise FileExistsError(f"docs: {out} has a folder source or html that is not of the site; give another --out")
    for folder in ("no-data", "extra"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    os.environ |= {"MINIDL_PROFILE": "ci", "MINIDL_OFFLINE": "1", "MINIDL_DATA": str(out / "no-data")}
    warnings.filterwarnings("ignore", "MNIST was not found", UserWarning)  # pages say how many digits there were
    for folder in (source, html):  # nothing stays of pages that are no more, or of sources as they were
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir()
    for writer in (written, api, lessons, markdown):
        writer.pages(source)
    options = ["-W", "--keep-going", "-q", "-j", "auto", "-c", str(DOCS), "-d", str(out / "doctrees")]
    options += ["-D", f"html_extra_path={out / 'extra'}", "-D", f"nb_execution_cache_path={out / 'outputs'}"]
    options += ["-D", f"nb_execution_mode={'cache' if outputs else 'off'}"]
    failed = build_main([*options, str(source), str(html)])
    (html / ".buildinfo").unlink(missing_ok=True)  # for builds that go on from this one, as none does; it knows paths
    return failed


def server(folder: Path, port: int) -> http.server.ThreadingHTTPServer:
    """What will show a folder to this machine alone; from now on the port is its own."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def serve(shown: http.server.ThreadingHTTPServer) -> None:
    """Show it, until Ctrl-C."""
    print(f"http://127.0.0.1:{shown.server_port}/, until Ctrl-C")
    try:
        shown.serve_forever()
    except KeyboardInterrupt:
        print()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and show what was built if that was asked for."""
    top = parser()
    asked = top.parse_args(arguments)
    if asked.serve is None:
        return build(asked.out, not asked.without_outputs)
    try:  # before minutes are spent on what then can't be shown
        shown = server(asked.out / "html", asked.serve)
    except (OSError, OverflowError) as error:
        top.error(f"port {asked.serve} can't be had: {error}; give another, or 0 for any that is free")
    with shown:
        failed = build(asked.out, not asked.without_outputs)
        if not failed:
            serve(shown)
    return failed


if __name__ == "__main__":
    sys.exit(main())
