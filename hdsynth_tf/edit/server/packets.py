"""JSON and raw numbers in one body: the length of the JSON, the JSON, then the bytes."""

import gzip
import json
import struct

from starlette.responses import Response

from hdsynth_tf.web.errors import Refused

LENGTH = struct.Struct("<I")


def respond(head, numbers):
    """The answer of a JSON object and the bytes of an array, compressed: maps shrink to a few percent.

    Args:
        head: Dict.
        numbers: uint16 array, sent little-endian.
    """
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % LENGTH.size)  # so that the numbers begin where an array of them can
    body = LENGTH.pack(len(text)) + text + numbers.astype("<u2").tobytes()
    headers = {"Content-Encoding": "gzip"}
    return Response(gzip.compress(body, 1), media_type="application/octet-stream", headers=headers)


def parse(body):
    """The way back, of what the page sends: dict, bytes. Raises `Refused` if `body` is no packet."""
    try:
        (length,) = LENGTH.unpack_from(body)
        head = json.loads(body[LENGTH.size : LENGTH.size + length])
        if not isinstance(head, dict):
            raise ValueError
    except (ValueError, struct.error, RecursionError) as error:
        raise Refused(400, "The request cannot be read.") from error
    return head, body[LENGTH.size + length :]
