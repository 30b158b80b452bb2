"""Graphs for other machines and other programs: of operations that these have, too."""

import contextlib
import contextvars

_is_portable = contextvars.ContextVar("is_portable", default=False)


@contextlib.contextmanager
def portable():
    """Graphs that are traced in this context run elsewhere: no operation is chosen for this machine's CPU.

    Where sizes are known, there is none that only TensorFlow has, either.
    """
    token = _is_portable.set(True)
    try:
        yield
    finally:
        _is_portable.reset(token)


def is_portable():
    """Whether a graph for elsewhere is being traced."""
    return _is_portable.get()
