"""Plan of a run: parameters, memory and disk space, known before it begins."""

import tensorflow as tf

BYTES_PER_TRAINED_PARAMETER = 16  # weight, gradient, two moments of Adam
SHARE_KEPT = 0.42  # of what the forward pass computes from trained weights, measured: experiments/RESULTS.md
SHARE_KEPT_REMATERIALIZED = 0.23
PROCESS_BYTES = 0.9 * 2**30  # Python and TensorFlow themselves


def parameter_lines(model):
    """A line for each network: its parameters."""
    networks = _networks(model) | ({"average": model.average_generator} if model.average_generator is not None else {})
    return [f"    {name:<14s}{network.count_params():>13,d} parameters" for name, network in networks.items()]


def saved_bytes(model):
    """Bytes of the finished model's weights in float32: one generator and the discriminator."""
    return 4 * sum(network.count_params() for network in _networks(model).values())


def checkpoint_bytes(model):
    """Bytes of a checkpoint of a compiled model: all weights, and two moments for each that trains."""
    trained = sum(network.count_params() for network in _networks(model).values())
    return 4 * (model.count_params() + 2 * trained)


def memory_estimate(model, batch_size, height, width):
    """Peak memory of a training step of a compiled model, in bytes. experiments/RESULTS.md says how near it came."""
    share = SHARE_KEPT_REMATERIALIZED if model.rematerialize else SHARE_KEPT
    activations = sum(_float_bytes(output) for output in _learning_outputs(model, batch_size, height, width))
    trained = sum(network.count_params() for network in _networks(model).values()) * BYTES_PER_TRAINED_PARAMETER
    average = 4 * model.average_generator.count_params() if model.average_generator is not None else 0
    return PROCESS_BYTES + trained + average + share * activations


def _networks(model):
    """Those that train, by name."""
    networks = {"generator": model.generator, "encoder": model.encoder, "discriminator": model.discriminator}
    return {name: network for name, network in networks.items() if network is not None}


def _learning_outputs(model, batch_size, height, width):
    """Every tensor of a step's forward pass that depends on a trained weight; the graph is traced, not run."""

    def forward(inputs, image):
        semantic_input, real_image = model.conditioning(inputs), model.conditioning.target(inputs, image)
        fake_image = model.generator(model.generator_input(inputs, semantic_input, real_image), training=True)
        return model.compute_terms(semantic_input, real_image, fake_image, training=True)

    shape = (batch_size, height, width)
    inputs = {
        name: tf.TensorSpec((*shape, *channels), dtype)
        for name, (channels, dtype) in model.conditioning.input_formats.items()
    }
    image = tf.TensorSpec((*shape, model.conditioning.image_channels), model.conditioning.image_dtype)
    graph = tf.function(forward, autograph=False).get_concrete_function(inputs, image).graph
    networks = _networks(model).values()
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
