"""How the classes of a toy street look: colours of each hidden mode (RGB, 0 to 1), and temperatures (kelvin)."""

import numpy as np

from pipelines.toy_street import scene as street

COLORS = {  # in the order of scene.MODES
    street.BUILDING: [(0.60, 0.31, 0.24), (0.58, 0.58, 0.57), (0.80, 0.70, 0.50)],
    street.VEGETATION: [(0.24, 0.40, 0.14), (0.62, 0.38, 0.10)],
    street.ROAD: [(0.33, 0.33, 0.35), (0.56, 0.50, 0.41)],
    street.SIDEWALK: [(0.60, 0.59, 0.57), (0.58, 0.43, 0.36)],
    street.LANE_MARKING: [(0.93, 0.93, 0.91), (0.93, 0.75, 0.22)],
    street.CAR: [(0.12, 0.26, 0.58), (0.11, 0.11, 0.13), (0.72, 0.73, 0.75), (0.68, 0.10, 0.09)],
    street.PERSON: [(0.20, 0.47, 0.33), (0.86, 0.45, 0.12), (0.88, 0.87, 0.83)],
    street.POLE: [(0.52, 0.54, 0.56), (0.40, 0.28, 0.18)],
    street.SIGN: [(0.10, 0.28, 0.68), (0.93, 0.72, 0.10)],
}
SKY_TOP = [(0.27, 0.50, 0.85), (0.63, 0.66, 0.70), (0.42, 0.40, 0.62)]
SKY_BOTTOM = [(0.74, 0.86, 0.95), (0.83, 0.84, 0.85), (0.98, 0.70, 0.48)]
HAZE = np.array([0.74, 0.79, 0.84], "float32")
GLASS = np.array([0.16, 0.22, 0.29], "float32")
WHITE = (0.94, 0.94, 0.93)
TYRE = (0.07, 0.07, 0.08)
BARK = (0.27, 0.19, 0.13)
SKIN = (0.80, 0.60, 0.48)
HAIR = (0.16, 0.11, 0.08)
TROUSERS = (0.17, 0.19, 0.27)
LAMP = (0.95, 0.93, 0.80)
HEADLIGHT, TAIL_LIGHT = (0.98, 0.95, 0.78), (0.85, 0.10, 0.06)

KELVIN = {
    street.SKY: 258.0,
    street.BUILDING: 289.0,
    street.VEGETATION: 285.0,
    street.ROAD: 294.0,
    street.SIDEWALK: 291.5,
    street.LANE_MARKING: 292.5,
    street.CAR: 293.0,
    street.PERSON: 302.0,
    street.POLE: 287.0,
    street.SIGN: 286.0,
}


def color_of(label, mode):
    """Colour of a class in one of its modes: (3,) float32."""
    return np.array(COLORS[label][mode], "float32")
