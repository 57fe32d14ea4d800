"""What no training frame has shown: it takes the colours of what is beside it, and no learned correction.

Seen for the first time when the head turns farther than the clip did, it must not be noise.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.params import Params
from pegasus_jax.families.gaussians.rig import Rig

_NEIGHBOURS = 3


def with_unseen_filled(params: Params, rig: Rig, seen: np.ndarray) -> Params:
    """Returns the parameters with colours of neighbours for Gaussians that no frame has shown.

    Args:
      params: at the end of training.
      rig: theirs.
      seen: (N,) bool: which of them some frame has shown well.
    """
    inside = np.isin(np.asarray(rig.part), parts.INSIDE)
    seen = np.asarray(seen)
    source, unseen = np.flatnonzero(seen & ~inside), np.flatnonzero(~seen & ~inside)
    if len(source) < _NEIGHBOURS or not len(unseen):
        return params
    places = np.asarray(rig.rest[:3]).T
    near = source[scipy.spatial.cKDTree(places[source]).query(places[unseen], k=_NEIGHBOURS)[1]]
    colour = np.array(params.colour)
    colour[:, unseen] = colour[:, near].mean(axis=2)
    bases = jax.tree.map(lambda leaf: leaf.at[:, :, unseen].set(0.0), params.bases)
    return dataclasses.replace(params, colour=jnp.asarray(colour), bases=bases)
