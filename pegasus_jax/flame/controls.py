"""The sliders: what a head can do, as rows of a table. A panel draws them, and a test walks through them."""

import dataclasses

import numpy as np

from pegasus_jax.flame.model import JAW, JAW_OPEN, LEFT_EYE, NECK, NUM_EXPRESSION, RIGHT_EYE, HeadModel

_FIRST_EXPRESSIONS = 10
_BLINK = "eyeBlink"  # what expression units that close an eye are called, as in ARKit


@dataclasses.dataclass(frozen=True)
class Slider:
    """A number of the pose or the expression, or several that move together."""

    label: str
    field: str  # "pose" or "expression"
    indices: tuple[int, ...]
    low: float
    high: float


_POSE = (
    Slider("jaw open", "pose", (JAW_OPEN,), -0.05, 0.5),
    Slider("jaw sideways", "pose", (JAW.start + 1,), -0.15, 0.15),
    Slider("head up and down", "pose", (NECK.start,), -0.5, 0.5),
    Slider("head left and right", "pose", (NECK.start + 1,), -0.8, 0.8),
    Slider("head tilted", "pose", (NECK.start + 2,), -0.4, 0.4),
    Slider("eyes up and down", "pose", (LEFT_EYE.start, RIGHT_EYE.start), -0.4, 0.4),
    Slider("eyes left and right", "pose", (LEFT_EYE.start + 1, RIGHT_EYE.start + 1), -0.6, 0.6),
)


def pose_sliders(head: HeadModel) -> tuple[Slider, ...]:
    """Jaw, head and eyes, in radians; a blink where the head model has a name for it."""
    lids = tuple(index for index, name in enumerate(head.expression_names) if name.startswith(_BLINK))
    return (*_POSE, Slider("blink", "expression", lids, 0.0, 1.0)) if lids else _POSE


def expression_sliders(head: HeadModel) -> tuple[Slider, ...]:
    """Every expression unit that has a name, or the first principal components of FLAME."""
    if head.expression_names:
        named = enumerate(head.expression_names)
        return tuple(Slider(name, "expression", (i,), 0.0, 1.0) for i, name in named if not name.startswith(_BLINK))
    count = min(_FIRST_EXPRESSIONS, NUM_EXPRESSION)
    return tuple(Slider(f"expression {i + 1}", "expression", (i,), -2.0, 2.0) for i in range(count))


def value(slider: Slider, pose: np.ndarray, expression: np.ndarray) -> float:
    """Where the slider stands: the first of its numbers, as far as it goes, in hundredths."""
    numbers = pose if slider.field == "pose" else expression
    return round(float(np.clip(numbers[slider.indices[0]], slider.low, slider.high)), 2)
