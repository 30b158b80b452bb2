# TensorFlow Serving with a model in it; MODEL is a folder of versions, as training writes it:
#   docker build -f docker/serve.Dockerfile --build-arg MODEL=runs/quickstart/serving -t hdsynth-serve .
#   docker run --rm -p 127.0.0.1:8501:8501 hdsynth-serve
FROM tensorflow/serving:2.19.1
ARG MODEL=runs/quickstart/serving
COPY ${MODEL} /models/hdsynth
ENV MODEL_NAME=hdsynth
