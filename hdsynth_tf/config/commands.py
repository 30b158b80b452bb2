"""How every command runs: errors of one line, and exit codes.

0: done; 1: it could not be done; 2: wrong use; 130, 143: stopped by Ctrl-C, by SIGTERM.
"""

import errno
import signal
import sys

import tensorflow as tf

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.stopping import as_stopped, exit_code, in_order, say
from pipelines.errors import UserError

WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def run(main, name):
    """Runs the command `main(argv)` and exits. An error that a person can mend is told without a traceback."""
    try:
        with in_order(), as_stopped(but=UserError):
            main([f"python -m hdsynth_tf.{name}", *sys.argv[1:]])
    except SettingsError as error:
        fail(f"{error}\nAll flags: python -m hdsynth_tf.{name} --help", error.exit_code)
    except UserError as error:
        fail(error, error.exit_code)
    except KeyboardInterrupt as stop:
        number = getattr(stop, "number", signal.SIGINT)
        say(number)
        sys.exit(exit_code(number))
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" in str(error):
            fail(f"The disk is full: {error.message.splitlines()[0]}.")
        fail("Out of memory. Make --image_height and --image_width, the crops, --batch_size or --num_filters smaller.")
    except OSError as error:
        if error.errno not in WRITE_ERRORS:
            raise
        again = " Make room, then start the same command again." if error.errno == errno.ENOSPC else ""
        fail(f"{error.filename or 'A file'} could not be written: {error.strerror}. What was there is whole.{again}")


def fail(message, code=1):
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(code)
