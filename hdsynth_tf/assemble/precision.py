"""The float type that networks compute in: as it is asked for, or the faster one on the device that trains."""

import time

import tensorflow as tf

FASTER = 1.2  # times as fast as float32 that bfloat16 must be to be chosen: less is within the noise of the probe
PROBE = (1, 128, 128, 64)  # of the convolutions that are timed: batch, height, width, channels; small ones mislead
CAPABILITY = 8  # of NVIDIA's GPUs from Ampere on, which compute bfloat16


def choose_precision(asked, before="", num_workers=1):
    """Settles `--precision`.

    Args:
        asked: `"auto"`, `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
        before: The precision that the run began with; an empty string for a new run. `"auto"` keeps it.
        num_workers: Integer; several must choose alike, and measure nothing.

    Returns:
        The name of a dtype policy, and a line that says why it is that.
    """
    chosen = asked if asked != "auto" else before
    if chosen and chosen != "mixed_bfloat16":
        return chosen, f"{chosen}, as {'asked for' if asked != 'auto' else 'this run began'}"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        is_fast = details.get("compute_capability", (0, 0))[0] >= CAPABILITY
        why = f"{details.get('device_name', 'the GPU')} computes bfloat16 {'' if is_fast else 'slowly or not at all'}"
    elif num_workers > 1:
        is_fast, why = False, "several workers on CPUs choose alike"
    else:
        factor = speed_of_bfloat16()
        found = f"is {factor:.2g} times as fast as float32" if factor else "cannot be computed"
        is_fast, why = factor >= FASTER, f"on this CPU bfloat16 {found}, measured"
    if not chosen:
        return ("mixed_bfloat16" if is_fast else "float32"), why.strip()
    slow = "" if is_fast else ". WARNING: --precision=float32 is the faster one here"
    return chosen, f"{chosen}, as {'asked for' if asked != 'auto' else 'this run began'}; {why.strip()}{slow}"


def speed_of_bfloat16(repeats=3):
    """Speed of a convolution with its gradients in bfloat16, relative to float32, or 0: it fails; takes under a second.

    In turns, of each the fastest after one that warms up: other work on the machine then slows both or none.
    """
    steps, times = [_step(dtype) for dtype in ("float32", "bfloat16")], []
    for _ in range(repeats + 1):
        try:
            times.append([_seconds(step) for step in steps])
        except tf.errors.OpError:  # oneDNN kept to old instructions, as by ONEDNN_MAX_CPU_ISA, has no kernels for it
            return 0
    single, half = map(min, zip(*times[1:]))
    return single / half


def _step(dtype):
    image = tf.ones(PROBE, dtype)
    kernel = tf.ones((3, 3, PROBE[-1], PROBE[-1]), dtype) / 1000

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            tape.watch([image, kernel])
            loss = tf.reduce_sum(tf.nn.conv2d(image, kernel, 1, "SAME"))
        return tape.gradient(loss, [image, kernel])

    return step


def _seconds(step):
    start = time.perf_counter()
    [gradient.numpy() for gradient in step()]
    return time.perf_counter() - start
