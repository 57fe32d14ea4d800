"""Eyeballs a little smaller than ICT draws them, so that they stay behind the lids.

ICT's lids touch the eyeball, and move in straight lines: half-way through a blink, on other identities and under a
turned cornea they cut into it by up to some tenths of a millimetre.
"""

import numpy as np

from pegasus_jax.flame.ict.table import EYEBALL_JOINTS, PARTS, Table

_SCALE = 0.97  # 0.46 mm off the radius


def shrink_eyeballs(table: Table, field: np.ndarray, regressor: np.ndarray) -> np.ndarray:
    """`field` (V, 3, *), positions or a basis of offsets, with each eyeball scaled about its joint.

    `regressor` (5, V) gives the joints; an eyeball's row reads its own vertices alone, so the joints stay.
    """
    shrunk = field.copy()
    for name, joint in EYEBALL_JOINTS.items():
        eyeball = table.part == PARTS.index(name)
        middle = np.tensordot(regressor[joint], field, axes=1)
        shrunk[eyeball] = middle + _SCALE * (field[eyeball] - middle)
    return shrunk
