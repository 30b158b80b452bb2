"""Memory of a training step: how much it takes, how much is free, and what is rematerialized so that it fits."""

from pathlib import Path

import tensorflow as tf

BYTES_PER_TRAINED_PARAMETER = 16  # weight, gradient, two moments of Adam
SHARE_KEPT = 0.42  # of what the forward pass computes from trained weights, measured: experiments/RESULTS.md
SHARE_KEPT_REMATERIALIZED = 0.23
PROCESS_BYTES = 0.9 * 2**30  # Python and TensorFlow themselves
CONTROL_GROUPS = (  # limits of containers and job schedulers, and what is used of them: versions 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory():
    """Bytes that a step may take on each device: of a GPU as TensorFlow has it, else of this machine.

    Returns:
        Integer, or `None` where it cannot be told.
    """
    from tensorflow.python.client import device_lib  # the public interface tells what is used of a GPU, not its size

    gpus = [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
    return min(gpus) if gpus else free_main_memory()


def free_main_memory(meminfo=Path("/proc/meminfo"), groups=CONTROL_GROUPS):
    """Bytes of main memory that are free for this process, also in a container; `None` where it cannot be told."""
    if not meminfo.exists():
        return None
    fields = dict(line.split(":") for line in meminfo.read_text().splitlines() if ":" in line)
    free = [int(fields["MemAvailable"].split()[0]) * 1024] if "MemAvailable" in fields else []
    for limit, used in groups:
        if Path(limit).exists() and Path(limit).read_text().strip().isdigit():
            free.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return max(min(free), 0) if free else None


def memory_estimate(model, batch_size, height, width):
    """Peak memory of a training step of a compiled model, in bytes, without and with rematerialization.

    BUILD_NOTES.md says how near it came.
    """
    activations = sum(_float_bytes(output) for output in _learning_outputs(model, batch_size, height, width))
    trained = sum(network.count_params() for network in model.trained_networks().values())
    others = 4 * (model.count_params() - trained)  # averages and pools
    kept = PROCESS_BYTES + trained * BYTES_PER_TRAINED_PARAMETER + others
    return kept + SHARE_KEPT * activations, kept + SHARE_KEPT_REMATERIALIZED * activations


def choose_rematerialization(asked, can, needed, free):
    """Settles `--rematerialize`.

    Args:
        asked: `"auto"`, `"true"` or `"false"`.
        can: Boolean, whether the networks can be rematerialized.
        needed: Bytes of a step without and with it, see `memory_estimate`.
        free: Bytes that are free on each device, or `None` if that is not known.

    Returns:
        `"true"` or `"false"`, and a line that says why, or how it is not enough.
    """
    plain, rematerialized = needed
    use = asked == "true" or (asked == "auto" and can and free is not None and plain > free)
    takes = rematerialized if use else plain
    line = f"about {_gibibytes(takes)} of memory on each device"
    if free is not None:
        line += f", of {_gibibytes(free)} free"
    if use and asked == "auto":
        line += f"; rematerialized, as {_gibibytes(plain)} would not fit"
    if free is not None and takes > free:
        more = "" if use or not can else "--rematerialize, "
        line += (
            f". WARNING: it may not fit: {more}smaller --crop_height and --crop_width, --num_filters or --batch_size"
        )
    return ("true" if use else "false"), line


def _gibibytes(count):
    return f"{count / 2**30:.1f} GiB"


def _learning_outputs(model, batch_size, height, width):
    """Every tensor of a step's forward pass that depends on a trained weight; the graph is traced, not run."""
    shape = (batch_size, height, width)
    inputs = {
        name: tf.TensorSpec((*shape, *channels), dtype)
        for name, (channels, dtype) in model.conditioning.input_formats.items()
    }
    image = tf.TensorSpec((*shape, model.conditioning.image_channels), model.conditioning.image_dtype)
    graph = tf.function(model.learn_from, autograph=False).get_concrete_function(inputs, image).graph
    networks = model.trained_networks().values()
    weights = {id(weight.value.handle) for network in networks for weight in network.trainable_variables}
    reached = {inner.name for outer, inner in graph.captures if id(outer) in weights}
    outputs = []
    for operation in graph.get_operations():  # in the order of their making: what an operation reads comes before it
        if any(tensor.name in reached for tensor in operation.inputs):
            reached |= {output.name for output in operation.outputs}
            outputs += operation.outputs
    return outputs


def _float_bytes(tensor):
    known = tensor.dtype.is_floating and tensor.shape.rank and tensor.shape.num_elements()
    return tensor.shape.num_elements() * tensor.dtype.size if known else 0
