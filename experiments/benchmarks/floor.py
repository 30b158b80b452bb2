"""The floor under a training step: its convolutions alone."""

import tensorflow as tf

from hdsynth_tf.networks import convolution
from pipelines.portable import portable

KINDS = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def bare_convolutions(model, batch):
    """Runs every convolution of a step of `model` on `batch`, of the same shapes, and nothing else.

    Returns:
        A function without arguments.
    """
    with portable():  # a convolution is one operation
        step = tf.function(model.train_step, autograph=False).get_concrete_function(_constants(batch))
    calls = [_call(operation) for operation in _needed(step.graph) if operation.type in KINDS]
    shapes = {(shape, dtype) for _, inputs in calls for shape, dtype in inputs}
    tensors = {key: tf.Variable(tf.cast(tf.random.normal(key[0]), key[1])) for key in shapes}

    @tf.function(autograph=False)
    def run():
        last, total = [], 0.0
        for function, inputs in calls:
            with tf.control_dependencies(last):  # one after the other, as a step computes them
                y = function(*(tf.identity(tensors[key]) for key in inputs))
                last = [tf.reshape(y, [-1])[0]]
            total += tf.cast(last[0], "float32")
        return total

    return lambda: run().numpy()


def _constants(batch):
    return tf.nest.map_structure(tf.constant, batch)


def _needed(graph):
    """The operations that a result or a change of a variable depends on, in the order of their making."""
    needed, waiting = set(), [tensor.op for tensor in graph.outputs]
    waiting += [operation for operation in graph.get_operations() if operation.op_def.is_stateful]
    while waiting:
        operation = waiting.pop()
        if operation not in needed:
            needed.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return [operation for operation in graph.get_operations() if operation in needed]


def _call(operation):
    """`(function, [(shape, dtype)] of its tensors)` of one convolution of the graph, as the product computes it."""
    stride, padding = operation.get_attr("strides")[1], operation.get_attr("padding").decode()
    sizes = {"Conv2DBackpropInput": 0, "Conv2DBackpropFilter": 1}.get(operation.type)
    tensors = [tensor for number, tensor in enumerate(operation.inputs) if number != sizes]
    inputs = [(tuple(tensor.shape), tensor.dtype) for tensor in tensors]
    target = tuple(operation.outputs[0].shape)
    x, kernel = {
        "Conv2D": inputs,
        "Conv2DBackpropInput": ((target, inputs[1][1]), inputs[0]),
        "Conv2DBackpropFilter": (inputs[0], (target, inputs[0][1])),
    }[operation.type]
    parts = convolution.by_parts(tf.TensorSpec(*x), tf.TensorSpec(*kernel), stride)
    volume = convolution.as_volume(tf.TensorSpec(*x), tf.TensorSpec(*kernel), stride)
    strides = [1, stride, stride, 1]

    def forward(x, kernel):
        if parts or volume:
            return convolution.forward(x, kernel, stride, padding.lower())
        return tf.nn.conv2d(x, kernel, strides, padding)

    def to_input(kernel, gradient):
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=target, filter=kernel, out_backprop=gradient, strides=strides, padding=padding
        )

    def to_kernel(x, gradient):
        if parts:
            return convolution.kernel_gradient(x, gradient, target[0], stride)
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=target, out_backprop=gradient, strides=strides, padding=padding
        )

    return {"Conv2D": forward, "Conv2DBackpropInput": to_input, "Conv2DBackpropFilter": to_kernel}[
        operation.type
    ], inputs
