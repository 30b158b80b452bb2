"""What goes wrong when a model leaves Keras."""

from pipelines.errors import UserError


class ExportError(UserError, RuntimeError):
    """A model cannot be written in a format, or what was written gives other pictures. Says why."""
