"""Work on many files at a time, with a progress bar."""

import concurrent.futures
import os

import keras


def available_cores():
    """How many cores this process may use: containers and job schedulers give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function, items, unit_name, show_progress=True):
    """Yields `function(item)` for each item, in their order; several are under way at a time.

    Args:
        function: Function of an item.
        items: Sequence.
        unit_name: String, what an item is, for the bar.
        show_progress: Boolean, whether to show a progress bar with the time left.
    """
    bar = keras.utils.Progbar(len(items), unit_name=unit_name, verbose=int(show_progress))
    with concurrent.futures.ThreadPoolExecutor(max(2, available_cores())) as threads:
        for result in threads.map(function, items):
            bar.add(1)
            yield result
