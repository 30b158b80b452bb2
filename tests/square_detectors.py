"""Small detectors of bright squares, made by hand, in each layout that detectors have.

They look at cells of 8 pixels of a picture of 64x64, those with raw outputs also at larger ones: the score of a cell is
its mean in the brightest of the three colours, which is its class.
"""

import keras
import numpy as np

SIDE, CELL, COLORS = 64, 8, 3
STRIDES = (8, 16, 32)
NAMES = ("red", "green", "blue")


def cells(stride):
    """Corners of all cells, `(cells, 4)`, row by row."""
    top, left = (index.ravel() * stride for index in np.indices((SIDE // stride, SIDE // stride)))
    return np.stack([left, top, left + stride, top + stride], -1).astype("float32")


def centered(corners):
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], -1)


def picture_of(squares, side=SIDE, scale=1, top=0):
    """A dark picture uint8 with bright squares. `squares`: list of (row, column) of a cell, and a colour's number."""
    picture = np.zeros((side * scale, side * scale, 3), "uint8")
    for row, column, color in squares:
        rows, columns = (slice(CELL * scale * i, CELL * scale * (i + 1)) for i in (row, column))
        picture[rows, columns, color] = 250
    return picture[top * CELL * scale : (SIDE // CELL - top) * CELL * scale]


def objects_of(squares, scale=1, top=0):
    """Corners and classes that are to be found in such a picture: set of tuples."""
    step = CELL * scale
    return {
        (column * step, (row - top) * step, (column + 1) * step, (row - top + 1) * step, color)
        for row, column, color in squares
    }


@keras.saving.register_keras_serializable("tests")
class BrightSquares(keras.layers.Layer):
    """`(1, 64, 64, 3)` of 0 to 255 -> a dict as detectors of keras-hub predict, filled up with -1."""

    def call(self, image):
        scores = keras.ops.reshape(keras.ops.average_pool(image / 255, CELL, CELL), (1, -1, COLORS))
        best, labels = keras.ops.max(scores, -1), keras.ops.argmax(scores, -1)
        seen = best >= 0.3
        boxes = keras.ops.where(seen[..., None], cells(CELL)[None], -1.0)
        return {
            "boxes": boxes,
            "confidence": keras.ops.where(seen, best, -1.0),
            "labels": keras.ops.where(seen, labels, -1),
            "num_detections": keras.ops.sum(keras.ops.cast(seen, "int32"), -1),
        }


def keras_detector():
    image = keras.Input((SIDE, SIDE, 3), batch_size=1)
    return keras.Model(image, BrightSquares()(image))


# === ONNX ===


def write_onnx(path, layout, shape=(1, 3, SIDE, SIDE), dtype="float32", metadata=None, names=None):
    """Writes a detector.

    Args:
        path: `Path`.
        layout: `"torchvision"`, `"yolov8"`, `"yolov5"` or `"end_to_end"`.
        shape: Of the input: with or without a batch, channels first or last, strings for what may vary.
        dtype: Of the input, in 0 to 1, or whole numbers of 0 to 255.
        metadata: Dict of strings.
        names: Of outputs, in their order.
    """
    from onnx import TensorProto, helper, save

    kinds = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}
    graph = Graph()
    image = graph.add("Cast", "image", to=TensorProto.FLOAT)
    if dtype == "uint8":
        image = graph.add("Div", image, graph.constant(np.float32(255)))
    if len(shape) == 3:
        image = graph.add("Unsqueeze", image, graph.constant(np.array([0])))
    if shape[-1] == 3:
        image = graph.add("Transpose", image, perm=[0, 3, 1, 2])
    made = LAYOUTS[layout](graph, image)
    outputs = [graph.rename(name, new) for name, new in zip(made, names or made)]
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        graph.nodes,
        "squares",
        [value("image", kinds[dtype], shape)],
        [value(name, TensorProto.INT64 if name in graph.whole else TensorProto.FLOAT, None) for name in outputs],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    save(model, str(path))


class Graph:
    """Nodes of a graph, each with one output."""

    def __init__(self):
        self.nodes, self.whole = [], set()

    def add(self, kind, *inputs, **attributes):
        from onnx import helper

        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, array):
        from onnx import numpy_helper

        return self.add("Constant", value=numpy_helper.from_array(np.asarray(array)))

    def rename(self, name, new):
        from onnx import helper

        if name != new:
            self.nodes.append(helper.make_node("Identity", [name], [new]))
            self.whole |= {new} & self.whole if name not in self.whole else {new}
        return new

    def means(self, image, stride):
        """Means of all cells, `(1, 3, cells)`."""
        pooled = self.add("AveragePool", image, kernel_shape=[stride, stride], strides=[stride, stride])
        return self.add("Reshape", pooled, self.constant(np.array([1, COLORS, -1])))


def torchvision(graph, image):
    means = graph.means(image, CELL)
    best = graph.add("ReduceMax", means, axes=[0, 1], keepdims=0)
    labels = graph.add("Squeeze", graph.add("ArgMax", means, axis=1, keepdims=0), graph.constant(np.array([0])))
    graph.whole.add(labels)
    return [graph.add("Identity", graph.constant(cells(CELL))), labels, best]


def yolov8(graph, image):
    scores = graph.add("Concat", *(graph.means(image, stride) for stride in STRIDES), axis=2)
    boxes = np.concatenate([centered(cells(stride)) for stride in STRIDES]).T[None]
    return [graph.add("Concat", graph.constant(boxes), scores, axis=1)]


def yolov5(graph, image):
    """Three boxes at each place, of which one is certain to be something, the others a little less."""
    table = graph.add("Transpose", yolov8(graph, image)[0], perm=[0, 2, 1])
    boxes, scores = (
        graph.add("Slice", table, *(graph.constant(np.array([n])) for n in (start, stop, 2)))
        for start, stop in ((0, 4), (4, 4 + COLORS))
    )
    count = sum((SIDE // stride) ** 2 for stride in STRIDES)
    parts = [
        graph.add("Concat", boxes, graph.constant(np.full((1, count, 1), certain, "float32")), scores, axis=2)
        for certain in (0.7, 0.9, 0.8)
    ]
    return [graph.add("Concat", *parts, axis=1)]


def end_to_end(graph, image):
    means = graph.means(image, CELL)
    best = graph.add("ReduceMax", means, axes=[1], keepdims=1)
    labels = graph.add("Cast", graph.add("ArgMax", means, axis=1, keepdims=1), to=1)
    rows = graph.add("Concat", graph.constant(cells(CELL).T[None]), best, labels, axis=1)
    return [graph.add("Transpose", rows, perm=[0, 2, 1])]


LAYOUTS = {"torchvision": torchvision, "yolov8": yolov8, "yolov5": yolov5, "end_to_end": end_to_end}
