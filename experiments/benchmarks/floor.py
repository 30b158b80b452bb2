"""The floor under a training step: its convolutions alone."""

import tensorflow as tf

KINDS = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def bare_convolutions(model, batch):
    """Runs every convolution of a step of `model` on `batch`, of the same shapes, and nothing else.

    Returns:
        A function without arguments.
    """
    step = tf.function(model.train_step, autograph=False).get_concrete_function(_constants(batch))
    calls = [_call(operation) for operation in step.graph.get_operations() if operation.type in KINDS]
    shapes = {(shape, dtype) for _, inputs, _ in calls for shape, dtype in inputs}
    tensors = {key: tf.Variable(tf.cast(tf.random.normal(key[0]), key[1])) for key in shapes}

    @tf.function(autograph=False)
    def run():
        last, total = [], 0.0
        for function, inputs, arguments in calls:
            with tf.control_dependencies(last):  # one after the other, as a step computes them
                y = function(*(tensors[key] for key in inputs), **arguments)
                last = [tf.reshape(y, [-1])[0]]
            total += tf.cast(last[0], "float32")
        return total

    return lambda: run().numpy()


def _constants(batch):
    return tf.nest.map_structure(tf.constant, batch)


def _call(operation):
    """`(function, [(shape, dtype)] of its tensors, other arguments)` of one convolution of the graph."""
    sizes = {"Conv2DBackpropInput": 0, "Conv2DBackpropFilter": 1}.get(operation.type)
    tensors = [tensor for number, tensor in enumerate(operation.inputs) if number != sizes]
    inputs = [(tuple(tensor.shape), tensor.dtype) for tensor in tensors]
    strides, padding = operation.get_attr("strides"), operation.get_attr("padding").decode()
    common = dict(strides=strides, padding=padding)
    if operation.type == "Conv2D":
        return tf.nn.conv2d, inputs, common
    target = [int(length) for length in tf.get_static_value(operation.inputs[sizes])]
    if operation.type == "Conv2DBackpropInput":
        return _input_gradient, inputs, {**common, "input_sizes": target}
    return _kernel_gradient, inputs, {**common, "filter_sizes": target}


def _input_gradient(kernel, gradient, input_sizes, strides, padding):
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=input_sizes, filter=kernel, out_backprop=gradient, strides=strides, padding=padding
    )


def _kernel_gradient(x, gradient, filter_sizes, strides, padding):
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=filter_sizes, out_backprop=gradient, strides=strides, padding=padding
    )
