"""`--log_to`: the logs of a run for a service that people compare runs in. Its package is imported when asked for."""

import contextlib
import dataclasses
import importlib
import uuid

import keras

from hdsynth_tf.files.run_folder import read_own, write_json
from hdsynth_tf.surroundings import is_installed
from pipelines.errors import UserError

LOST = "Remove it: the service then counts what follows as another run."
PROJECT = "hdsynth_tf"  # of wandb, experiment of MLflow: what runs are found under


class TrackingError(UserError, RuntimeError):
    """The logs of a run cannot be sent. Says why, and how to mend it."""


class Tracker(keras.callbacks.Callback):
    """Sends the logs of each epoch. A service that does not answer ends no training: a line says so, once.

    Args:
        send: Function of a dict of name -> float and the number of an epoch.
    """

    def __init__(self, send):
        super().__init__()
        self.send = send
        self.last_epoch = 0
        self.warned = False

    def on_epoch_end(self, epoch, logs=None):
        self.last_epoch = epoch
        self._send(logs or {}, epoch)

    def send_scores(self, scores):
        """Sends what the finished model is worth, `final_psnr` and so on. `scores`: dict of name -> number."""
        self._send({f"final_{name}": value for name, value in scores.items()}, self.last_epoch)

    def _send(self, values, epoch):
        try:
            self.send({name: float(value) for name, value in values.items()}, epoch)
        except Exception as error:  # whatever the service's package may raise
            if not self.warned:
                print(f"\nLogs of epoch {epoch + 1} were not sent ({type(error).__name__}: {error}). RUN/logs has all.")
            self.warned = True


def check_installed(service):
    """Raises `TrackingError` unless the package of a service is there; `""` needs none."""
    if service and not is_installed(service):
        raise TrackingError(f"--log_to={service} needs {service}: pip install -e .[{service}]")


@contextlib.contextmanager
def tracking(service, folder, groups):
    """While it is entered, a run of the service is open: the same one again when a training goes on.

    Args:
        service: String, a key of `SERVICES`, or `""`.
        folder: `RunFolder`.
        groups: Dict of name -> settings object.

    Yields:
        List of callbacks, empty where `service` is.

    Raises:
        TrackingError: If the service cannot be reached, or its package cannot be imported.
    """
    if not service:
        yield []
        return
    settings = {name: value for group in groups.values() for name, value in dataclasses.asdict(group).items()}
    known = read_own(folder.tracking, {str: str}, LOST) if folder.tracking.exists() else {}
    try:
        number, send, close = SERVICES[service](
            importlib.import_module(service), folder.path, settings, known.get(service)
        )
    except Exception as error:  # whatever the service's package may raise
        raise TrackingError(f"--log_to={service} does not work here. {type(error).__name__}: {error}") from error
    write_json(folder.tracking, {**known, service: number})
    try:
        yield [Tracker(send)]
    finally:
        close()


def open_wandb(wandb, path, settings, number):
    """A run of Weights & Biases: (its id, function that sends, function that closes)."""
    number = number or uuid.uuid4().hex
    run = wandb.init(project=PROJECT, name=path.name, id=number, resume="allow", dir=str(path), config=settings)
    return number, lambda values, epoch: run.log({**values, "epoch": epoch}, step=epoch), run.finish


def open_mlflow(mlflow, path, settings, number):
    """A run of MLflow: (its id, function that sends, function that closes)."""
    mlflow.set_experiment(PROJECT)
    run = mlflow.start_run(run_id=number) if number else mlflow.start_run(run_name=path.name)
    if not number:
        mlflow.log_params(settings)
    return run.info.run_id, lambda values, epoch: mlflow.log_metrics(values, step=epoch), mlflow.end_run


SERVICES = {"wandb": open_wandb, "mlflow": open_mlflow}
