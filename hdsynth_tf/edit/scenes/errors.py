"""The one exception of editing."""

from pipelines.errors import DataError


class EditError(DataError):
    """An edit cannot be made. Says why; the scene is as it was. Shown to people as it is."""
