"""LPIPS of pictures in 8 bits, by the networks that can be had. Each is made, and compiled, once."""

import functools

import tensorflow as tf

from hdsynth_tf.pretrained.lpips import LPIPS, NETS, lpips_file

NAMES = {net: f"lpips_{net}" for net in NETS}
SMALLEST = 32  # pixels a side: below, the deepest features are none


@functools.cache
def lpips_nets():
    """The nets whose weights are installed: tuple of names. The first time, says if there are none."""
    nets = tuple(net for net in NETS if lpips_file(net).is_installed)
    if len(nets) < len(NETS):
        print(f"\n{without_lpips()}")
    return nets


def without_lpips():
    """What there is to say where LPIPS cannot be had."""
    install = lpips_file("alex").install
    return f"LPIPS, which judges pictures as people do, is left out: its weights are not here ({install})."


def lpips(fake, real, nets):
    """LPIPS of a pair of pictures by some nets.

    Args:
        fake, real: `(1, height, width, channels)` float32, 0 to 255.
        nets: Names of nets.

    Returns:
        Dict: `lpips_alex`, `lpips_vgg` -> float. Empty for pictures that are too small, or have neither 1 nor 3
        channels.
    """
    if min(fake.shape[1:3]) < SMALLEST or fake.shape[-1] not in (1, 3):
        return {}
    return {NAMES[net]: float(_distance(net)(fake, real)[0]) for net in nets}


@functools.cache
def _distance(net):
    network = LPIPS(net, dtype="float32")
    return tf.function(lambda a, b: network(a / 127.5 - 1, b / 127.5 - 1), reduce_retracing=True)
