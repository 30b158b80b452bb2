"""A model file -> what other programs run: TensorFlow Serving, ONNX Runtime, LiteRT, OpenVINO, Keras elsewhere."""
