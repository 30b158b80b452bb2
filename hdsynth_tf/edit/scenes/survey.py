"""Looks at some scenes of a dataset before editing begins: what its classes are, and what can be cut out."""

from hdsynth_tf.edit.scenes import library
from hdsynth_tf.edit.scenes.classes import Facts
from hdsynth_tf.edit.scenes.scene import Scene
from pipelines.progress import in_threads
from pipelines.source import spread


def load_scene(source, index):
    """A scene of a `pipelines.source.Source` with label maps; without instance maps, classes are all there is."""
    arrays = source.load(index)
    return Scene.of_maps(arrays["label_map"], arrays.get("instance_map", arrays["label_map"]))


def survey(source, count, each):
    """Statistics and cut-outs of some scenes, spread over a source.

    Args:
        source: `pipelines.source.Source` with label maps.
        count: Integer, scenes to look at, at most.
        each: Integer, objects of a class to cut out, at most.

    Returns:
        List of `classes.Facts`, and list of `library.CutOut`.
    """

    def look(index):
        scene = load_scene(source, index)
        return Facts.of(scene), library.cut_outs(scene, source.names[index])

    looks = list(in_threads(look, spread(count, len(source)), "scene"))
    return [facts for facts, _ in looks], library.choose([cut for _, found in looks for cut in found], each)
