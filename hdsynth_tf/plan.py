"""What a run is going to do and to need, said before it does."""

import tensorflow as tf

from hdsynth_tf.serving import input_signature

BYTES_PER_TRAINED_PARAMETER = 16  # weight, gradient, two moments of Adam
SHARE_KEPT = 0.5  # of what the forward pass computes, measured: see BUILD_NOTES.md, "Memory estimate"
PROCESS_BYTES = 0.7 * 2**30  # Python and TensorFlow themselves


def parameter_lines(model):
    """A line for each network: its parameters."""
    return [f"    {name:<14s}{network.count_params():>13,d} parameters" for name, network in _networks(model).items()]


def saved_bytes(model):
    """Bytes of the finished model's weights in float32: one generator and the discriminator."""
    return 4 * sum(network.count_params() for name, network in _networks(model).items() if name != "average")


def checkpoint_bytes(model):
    """Bytes of a checkpoint of a compiled model: all weights, and two moments for each that trains."""
    networks = [model.generator, *([model.discriminator] if model.discriminator is not None else [])]
    trained = sum(network.count_params() for network in networks)
    return 4 * (model.count_params() + 2 * trained)


def memory_estimate(model, batch_size, height, width):
    """Peak memory of a training step of a compiled model, in bytes; within about 15 % where it was measured."""
    computed = sum(_float_bytes(output) for output in _forward_outputs(model, batch_size, height, width))
    networks = _networks(model)
    average = networks.pop("average", None)
    trained = sum(network.count_params() for network in networks.values()) * BYTES_PER_TRAINED_PARAMETER
    return PROCESS_BYTES + trained + (4 * average.count_params() if average else 0) + SHARE_KEPT * computed


def _networks(model):
    networks = {"generator": model.generator, "discriminator": model.discriminator, "average": model.average_generator}
    return {name: network for name, network in networks.items() if network is not None}


def _forward_outputs(model, batch_size, height, width):
    """Every tensor that the forward pass of a step computes; the graph is traced, not run."""

    def forward(inputs, image):
        semantic_input, real_image = model.conditioning(inputs), model.conditioning.target(inputs, image)
        fake_image = model.generator(semantic_input, training=True)
        return model.losses(semantic_input, real_image, fake_image, training=True)

    shape = (batch_size, height, width)
    inputs = {
        name: tf.TensorSpec((*shape, *spec.shape[3:]), spec.dtype)
        for name, spec in input_signature(model.conditioning).items()
    }
    graph = tf.function(forward).get_concrete_function(inputs, tf.TensorSpec((*shape, 3), tf.uint8)).graph
    return [output for operation in graph.get_operations() for output in operation.outputs]


def _float_bytes(tensor):
    known = tensor.dtype.is_floating and tensor.shape.rank and tensor.shape.num_elements()
    return tensor.shape.num_elements() * tensor.dtype.size if known else 0
