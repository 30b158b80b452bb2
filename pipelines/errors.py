"""The one exception for data that cannot be used."""


class DataError(ValueError):
    """Says what is wrong with the data, what was found, and how to mend it. Commands print it as it is."""
