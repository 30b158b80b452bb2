"""What can be wrong with a page's server, and what the server answers to requests it does not accept."""

from hdsynth_tf.surroundings import is_installed
from pipelines.errors import UserError


class WebError(UserError, RuntimeError):
    """A page cannot be served. Says why, and how to mend it."""


class Refused(Exception):
    """A request is not accepted.

    Args:
        status: Integer, of HTTP.
        message: String for the person at the page.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def check_installed():
    """Raises `WebError` unless the packages of the extra `ui` are there."""
    missing = [name for name in ("starlette", "uvicorn") if not is_installed(name)]
    if missing:
        raise WebError(f"The page needs {' and '.join(missing)}: pip install -e .[ui]")
