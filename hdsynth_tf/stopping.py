"""What Ctrl-C and SIGTERM do to a command: they end it, at any moment, with one line and the exit code 130 or 143.

Python's own way is an exception in whatever runs just then. While packages are imported, and where TensorFlow calls
Python, such an exception can be swallowed, and the command goes on. So a thread of its own hears of the signal, and
ends the process if that has not ended by itself soon: files are written under another name first, and locks end with
the process.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_S = 1.5  # seconds to end by itself


class Stopped(KeyboardInterrupt):
    """The process was told to stop.

    Args:
        number: Integer, the signal.
    """

    def __init__(self, number):
        super().__init__(number)
        self.number = number


class _State:
    """Of this process: blocks entered that obey signals by themselves; is the line out; which signal came; the line."""

    patient, said, told = 0, False, None

    @staticmethod
    def line(number):
        return "Interrupted."


def exit_code(number):
    return 128 + number


def say(number):
    """Prints the line, once."""
    if not _State.said:
        _State.said = True
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # closed, or in the middle of another line
            print(f"\nError: {_State.line(number)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def saying(line):
    """For the length of a block, what is said when the process is ended there is `line(number of the signal)`."""
    before, _State.line = _State.line, line
    try:
        yield
    finally:
        _State.line = before


def at_once():
    """From now on a signal ends the process at once: for imports, when there is nothing yet to put in order."""
    for number in SIGNALS:
        signal.signal(number, _leave)


def _leave(number, frame=None):
    say(number)
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        sys.stdout.flush()
    os._exit(exit_code(number))


@contextlib.contextmanager
def in_order():
    """For the length of a block a signal raises `Stopped`; where that is swallowed, the process ends all the same.

    Python prints what is raised in a finalizer, where it cannot go on, with a traceback: not ours.
    In another thread than the main one signals are not touched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in SIGNALS}
    ours, other = socket.socketpair()
    other.setblocking(False)
    wakeup = signal.set_wakeup_fd(other.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours,), daemon=True, name="signals").start()
    printing = sys.unraisablehook
    sys.unraisablehook = lambda raised: None if isinstance(raised.exc_value, Stopped) else printing(raised)
    try:
        yield
    finally:
        sys.unraisablehook = printing
        signal.set_wakeup_fd(wakeup)
        other.close()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def as_stopped(but):
    """What leaves the block after a signal is `Stopped`: pybind11 puts an exception of its own in the place of ours.

    Args:
        but: The class of exceptions that tell a person what happened, and are left as they are.
    """
    try:
        yield
    except Exception as error:
        if _State.told is None or isinstance(error, but):
            raise
        raise Stopped(_State.told) from error


def _stop(number, frame):
    _State.told = number
    raise Stopped(number)


def _watch(ours):
    """Ends the process some time after a signal that nobody else obeys."""
    with ours:
        while came := ours.recv(1):
            if came[0] in SIGNALS and not _State.patient:
                time.sleep(GRACE_S)
                _leave(came[0])


@contextlib.contextmanager
def patient():
    """For the length of a block, what runs in it obeys signals by itself, and takes the time that it needs."""
    _State.patient += 1
    try:
        yield
    finally:
        _State.patient -= 1
