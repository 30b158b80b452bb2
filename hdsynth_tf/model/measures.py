"""What a training step tells: its terms, their sum, and metrics of its images."""

import keras

from hdsynth_tf.model.terms import TOTAL, weighted_sum

if keras.backend.backend() == "tensorflow":  # elsewhere models generate, and do not train
    import tensorflow as tf

METRICS = ("metrics", "weighted_metrics")  # arguments of Keras' `compile`


class Measuring:
    """The part of a model that keeps count of its terms, `trackers`, and of Keras' metrics."""

    @property
    def metrics(self):
        if not self.compiled:
            return []
        others = [self._compile_metrics] if self._compile_metrics is not None else []
        return [*self.trackers, *others, self._loss_tracker]

    def fit(self, *args, class_weight=None, **kwargs):
        """Keras' own. `sample_weight` is `(batch,)`.

        Raises:
            ValueError: If there is a `class_weight`: Keras takes the class of a sample from its image.
        """
        _refuse_class_weight(class_weight)
        return super().fit(*args, **kwargs)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Keras' own, of one batch. See `fit`."""
        _refuse_class_weight(class_weight)
        return super().train_on_batch(x, y, sample_weight, return_dict=return_dict)

    def build_measures(self):
        """Makes the metrics' variables: at once, since a strategy needs them before `fit`.

        Raises:
            ValueError: If a metric is called as a term is.
        """
        if self._compile_metrics is None:
            return
        image = keras.KerasTensor((None, None, None, self.conditioning.image_channels))
        self._compile_metrics.build(image, image)
        names = [metric.name for metric in self._compile_metrics.metrics]
        taken = {TOTAL, *(tracker.name for tracker in self.trackers)}
        if taken & set(names):
            raise ValueError(f"`metrics` should have other names than terms have, {sorted(taken)}. Received: {names}")

    def track(self, values, images, sample_weight=None):
        """Counts a step.

        Args:
            values: Dict of name -> `(batch,)` float32, the terms.
            images: Pair (real, fake) of `(batch, height, width, channels)` in [-1, 1], for metrics.
            sample_weight: `(batch,)` or `None`.

        Returns:
            Dict of name -> number: the means so far.
        """
        for tracker in self.trackers:
            tracker.update_state(values[tracker.name])
        self._loss_tracker.update_state(weighted_sum(values, self.players()[-1][-1]))
        results = {tracker.name: tracker.result() for tracker in self.trackers}
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(*images, sample_weight)
            results |= self._compile_metrics.result()
        results[TOTAL] = self._loss_tracker.result()
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            results = {name: result[None] for name, result in results.items()}  # Keras 3 concatenates workers' results
        return results

    def measures_config(self):
        """The metrics that `compile` got, serialized; nothing where there were none."""
        given = {name: self._compile_config.config[name] for name in METRICS}
        return {name: keras.saving.serialize_keras_object(value) for name, value in given.items() if value is not None}


def refuse_losses(loss=None, loss_weights=None, **others):
    """Raises `ValueError` if arguments of Keras' `compile` have losses, or weights of them. `others`: all the rest."""
    if loss is not None:
        raise ValueError("Losses are given as `terms`, a list of `Term`. Received: `loss`")
    if loss_weights is not None:
        raise ValueError(
            "Weights of losses are those of the terms: Term(name, loss, weight=10.0), or CycleGAN's `cycle_weight` and "
            f"`identity_weight`. Received: loss_weights={loss_weights}"
        )


def _refuse_class_weight(class_weight):
    if class_weight is not None:
        raise ValueError(
            "`class_weight` is for classifiers; weigh pictures by `sample_weight`, (batch,). Received: "
            f"class_weight={class_weight}"
        )
