"""Oracle: layout of the latent (spec 3.6)."""

import numpy as np

CATEGORIES = ("identity", "ears", "eyebrows", "eyes", "hair", "hat", "mouth", "nose", "eyeglasses")  # spec 3.6
BASE_CATEGORIES = ("identity", "ears", "eyebrows", "eyes", "hair", "mouth", "nose")
OWN_CATEGORIES = tuple(name for name in CATEGORIES if name != "hat")


def assemble_z(
    zero: np.ndarray, base: np.ndarray, video_code: np.ndarray | None = None, category: str | None = None
) -> np.ndarray:
    """The conditioning vector (9 (9 + K),): per slot a one-hot of its number, then its code (spec 3.6).

    The `zero` code (1, K) fills every slot; `base` overwrites seven slots (7 rows: base codes) or all but the hat (8:
    own codes); `video_code` (K,) or (1, K) overwrites the slot named by `category`.
    """
    owners = {7: BASE_CATEGORIES, 8: OWN_CATEGORIES}
    if len(base) not in owners:
        raise ValueError(f"base must have 7 rows (base codes) or 8 (own codes); got {np.shape(base)}.")
    if (video_code is None) != (category is None):
        raise ValueError("video_code and category come together.")
    slots = {name: np.asarray(zero, dtype=np.float64).reshape(-1) for name in CATEGORIES}
    slots.update(zip(owners[len(base)], np.asarray(base, dtype=np.float64)))
    if video_code is not None:
        if category not in CATEGORIES:
            raise ValueError(f"category must be one of {CATEGORIES}; got {category!r}.")
        slots[category] = np.asarray(video_code, dtype=np.float64).reshape(-1)
    one_hots = np.eye(len(CATEGORIES))
    return np.concatenate([np.concatenate([one_hots[v], slots[name]]) for v, name in enumerate(CATEGORIES)])
