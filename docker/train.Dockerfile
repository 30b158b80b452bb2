# Everything that the commands need, without the repository:
#   docker build -f docker/train.Dockerfile -t hdsynth .
#   docker run --rm -v "$PWD:/work" -u "$(id -u)" hdsynth train --flagfile=experiments/quickstart.flags --run_dir=runs/quickstart
# With an NVIDIA GPU: --build-arg TENSORFLOW="tensorflow[and-cuda]", and docker run --gpus=all
FROM python:3.11-slim AS wheel
COPY pyproject.toml setup.py README.md LICENSE THIRD_PARTY.md /src/
COPY hdsynth_tf /src/hdsynth_tf
COPY pipelines /src/pipelines
COPY experiments /src/experiments
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /src

FROM python:3.11-slim
ARG TENSORFLOW=tensorflow
COPY docker/constraints.txt /
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --constraint /constraints.txt "$TENSORFLOW" starlette uvicorn /wheels/*.whl
RUN useradd --create-home person && mkdir /work && chown person /work
USER person
ENV HOME=/tmp
WORKDIR /work
EXPOSE 8346 8347
ENTRYPOINT ["hdsynth"]
CMD ["--help"]
