"""A real Chromium for tests of pages, driven through Playwright; what is missing is said where tests are skipped."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading

import pytest
from places import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)


def missing():
    """What a page's test lacks here, or nothing."""
    packages = [name for name in ("starlette", "uvicorn", "playwright") if importlib.util.find_spec(name) is None]
    if packages:
        return f"{' and '.join(packages)} not installed: pip install -e .[dev]"
    return "" if CHROMIUM else f"there is no browser: none of {', '.join(NAMES)}"


needs_browser = pytest.mark.skipif(bool(missing()), reason=missing())


@contextlib.contextmanager
def chromium(**options):
    """A browser without a window. Options: of a context, such as `viewport`. Gives the context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_context(**options)
        browser.close()


def open_page(context, url):
    """A page whose errors make the test fail: they are in the list `page.problems`."""
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(url)
    return page


class Server:
    """A command that serves a page, in a process of its own.

    Args:
        name: String, the command's, such as `study`.
        arguments: Its flags.
    """

    def __init__(self, name, *arguments, port=0):
        command = [sys.executable, "-m", f"hdsynth_tf.{name}", f"--port={port}", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        self.lines = []
        watchdog = threading.Timer(120, self.kill)
        watchdog.start()
        for line in self.process.stdout:
            self.lines.append(line)
            if "http://" in line:
                break
        watchdog.cancel()
        assert self.lines and "http://" in self.lines[-1], self.lines
        self.url = next(word for word in self.lines[-1].split() if word.startswith("http://"))
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(app):
    """Serves an application in a thread of this process; gives its address. Quicker than a command of its own."""
    import uvicorn

    from hdsynth_tf.web.server import configuration, listen

    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()
