"""Which of ICT's expression meshes make which of the head's 50 expressions."""

JAW_OPEN = "jawOpen"  # a joint instead
MOUTH_CLOSE = "mouthClose"  # closes the lips of an open jaw

# ICT's four sideways gaze shapes are two: eyes turn together. The eyeballs themselves turn with their joints.
_GAZE = {
    "eyesLookLeft": ("eyeLookOut_L", "eyeLookIn_R"),
    "eyesLookRight": ("eyeLookIn_L", "eyeLookOut_R"),
}

_PAIRS_BEFORE_GAZE = ("browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "eyeBlink", "eyeLookDown")
_PAIRS_AFTER_GAZE = ("eyeLookUp", "eyeSquint", "eyeWide")


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in "LR")


NAMES = (
    *_sides(*_PAIRS_BEFORE_GAZE),
    *_GAZE,
    *_sides(*_PAIRS_AFTER_GAZE),
    *("jawForward", "jawLeft", "jawRight", MOUTH_CLOSE),
    *_sides("mouthDimple", "mouthFrown"),
    *("mouthFunnel", "mouthLeft"),
    *_sides("mouthLowerDown", "mouthPress"),
    *("mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_sides("mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer"),
)


def meshes_of(name: str) -> tuple[str, ...]:
    """Names of the meshes whose offsets add up to the expression `name`."""
    return _GAZE.get(name, (name,))
