"""Loads a SavedModel through TensorFlow's C API and runs its default signature once. Called by test_serving."""

import ctypes
import json
import sys
from pathlib import Path

import numpy as np

DTYPES = {"float32": 1, "uint8": 4, "int32": 3}


class Port(ctypes.Structure):  # TF_Output
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load(folder):
    for name in ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2"):
        library = ctypes.CDLL(str(Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
    pointers = "NewGraph NewStatus NewSessionOptions LoadSessionFromSavedModel AllocateTensor TensorData"
    for name in (*pointers.split(), "GraphOperationByName"):
        getattr(library, f"TF_{name}").restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    return library


def main(folder, job):
    tf = load(folder)
    graph, status = ctypes.c_void_p(tf.TF_NewGraph()), ctypes.c_void_p(tf.TF_NewStatus())

    def check():
        if tf.TF_GetCode(status):
            sys.exit(tf.TF_Message(status).decode())

    def port(name):
        operation, _, index = name.partition(":")
        found = tf.TF_GraphOperationByName(graph, operation.encode())
        return Port(found, int(index or 0))

    tags = (ctypes.c_char_p * 1)(b"serve")
    session = ctypes.c_void_p(
        tf.TF_LoadSessionFromSavedModel(
            ctypes.c_void_p(tf.TF_NewSessionOptions()), None, job["model"].encode(), tags, 1, graph, None, status
        )
    )
    check()
    count = len(job["inputs"])
    ports, tensors = (Port * count)(), (ctypes.c_void_p * count)()
    for i, (name, file) in enumerate(job["inputs"].items()):
        array = np.ascontiguousarray(np.load(file))
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        tensors[i] = tf.TF_AllocateTensor(DTYPES[array.dtype.name], shape, array.ndim, ctypes.c_size_t(array.nbytes))
        ctypes.memmove(tf.TF_TensorData(ctypes.c_void_p(tensors[i])), array.ctypes.data, array.nbytes)
        ports[i] = port(name)
    output_port, output = (Port * 1)(port(job["output"])), (ctypes.c_void_p * 1)()
    tf.TF_SessionRun(session, None, ports, tensors, count, output_port, output, 1, None, 0, None, status)
    check()
    result = ctypes.c_void_p(output[0])
    shape = [tf.TF_Dim(result, i) for i in range(tf.TF_NumDims(result))]
    data = ctypes.string_at(tf.TF_TensorData(result), int(np.prod(shape)))
    np.save(job["result"], np.frombuffer(data, "uint8").reshape(shape))


main(sys.argv[1], json.loads(sys.argv[2]))
