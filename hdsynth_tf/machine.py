"""Sets TensorFlow up for the machine, before it is imported. What the user set in the environment stays as it is.

Measured on CPUs without AVX512, where TensorFlow leaves oneDNN off: experiments/RESULTS.md, speed and memory.
"""

import contextlib
import ctypes
import os
import platform
import re
import sys
import tempfile
from pathlib import Path

ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # else TensorFlow's greeting buries the output; 0 brings it back
    "TF_ENABLE_ONEDNN_OPTS": "1",  # convolutions in a third of the memory, small ones in less time
}
ALLOCATOR_VARIABLES = ("GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "LD_PRELOAD")
GREETING = re.compile(rb"I0000 |WARNING: All log messages before absl::InitializeLog")
CPUINFO = Path("/proc/cpuinfo")
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's mallopt


def set_up():
    """Sets the environment's variables that are not set, and the allocator."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if platform.libc_ver()[0] == "glibc" and not any(os.environ.get(name) for name in ALLOCATOR_VARIABLES):
        keep_memory()


def import_tensorflow():
    """Imports TensorFlow without its greeting, which it writes before it obeys TF_CPP_MIN_LOG_LEVEL.

    Warnings and errors are shown once it is imported; what Python writes to `sys.stderr` meanwhile, at once.
    """
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0" or sys.stderr is None:
        return
    shown = os.dup(2)
    errors = open(shown, "w", buffering=1, closefd=False)  # noqa: SIM115  whoever takes hold of it may keep it
    with tempfile.TemporaryFile() as kept, contextlib.redirect_stderr(errors):
        os.dup2(kept.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(shown, 2)
            kept.seek(0)
            os.write(2, b"".join(line for line in kept if not GREETING.match(line)))


def keep_memory():
    """Lets glibc keep the memory that large tensors leave, for the next ones.

    By default each is mapped and unmapped anew: the kernel fills 90,000 pages with zeros in a step at 256x128, and half
    the time of a step at 1024x512 goes into that.
    """
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, -1)  # never
    mallopt(M_ARENA_MAX, 1)  # others cannot hold blocks of more than 64 MiB


def has_avx512():
    """Whether this is an x86 CPU with AVX512 (True) or without (False); `None` where that cannot be told."""
    flags = re.search(r"^flags\s*:(.*)$", CPUINFO.read_text(), re.MULTILINE) if CPUINFO.exists() else None
    return None if flags is None else "avx512f" in flags[1].split()
