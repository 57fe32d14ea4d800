"""How near a transferred attribute comes to pictures of it: supplement table 1, spec section 14.1.

Compared with held-out frames of the clips that show it, inside their masks of the attribute alone. Of a part-swapped
clip the avatar was trained on the beginning; an exact one, where there is such a thing as "this person with that hair",
measures synthesis and training together.
"""

import dataclasses
from collections.abc import Callable

import jax
import numpy as np

from pegasus_jax.core import metrics
from pegasus_jax.data import Dataset
from pegasus_jax.data.frames import Batch
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import reconstruction, weights
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed

_SHOWN = 128  # of 255: where a mask says that the attribute is
_ABOUT = (
    "Inside the attribute's mask of held-out frames: root mean squared difference of values in [0, 1], PSNR in dB, "
    "LPIPS with white outside. As filmed: nothing is transferred."
)


@dataclasses.dataclass(frozen=True)
class AttributeTransfer:
    """Settings."""

    frames: int = 24  # held-out frames of each clip, at equal distances

    def __post_init__(self):
        check_counts(self, "frames")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Transfer: rows by look, and by what stands for it.

        Raises:
            UserError: no clip shows a look of the avatar's.
        """
        worn = subject.worn
        if not worn:
            looks = ", ".join(subject.avatar.looks[1:]) or "none besides the person as filmed"
            raise UserError(
                f"No dataset folder shows a look of this avatar ({looks}); name part-swapped ones by --data."
            )
        lpips = weights.lpips()
        rows = [row for look, clip in worn.items() for row in self._rows(subject, look, clip, lpips)]
        return {"transfer": Table(_ABOUT, ("look", "picture"), tuple(rows))}

    def _rows(self, subject: Subject, look: str, clip: Dataset, lpips: Lpips | NotComputed) -> list[Row]:
        test = subject.frames(clip, subject.rows(clip, count=self.frames))
        drive, latent = reconstruction.drive_of(test), subject.avatar.latent(look)
        shown_by = {"look": subject.avatar.bake(latent), "as filmed": subject.as_filmed()}
        return [
            Row((look, kind), transferred(reconstruction.render_drive(baked, drive).image, test, lpips))
            for kind, baked in (shown_by | subject.without_alignment(latent)).items()
        ]


def transferred(images: np.ndarray, frames: Batch, lpips: Lpips | NotComputed) -> dict[str, Figure]:
    """Figures of images (N, H, W, 3) inside the attribute that the frames show; means over frames that do show it."""
    rows = np.flatnonzero((frames.seg >= _SHOWN).any(axis=(1, 2)))
    if not rows.size:
        return {"frames": 0}
    mine, target, mask = images[rows], np.asarray(frames.over_white())[rows], frames.seg[rows] >= _SHOWN
    return {
        "frames": len(rows),
        "masked_l2": _mean(metrics.masked_l2, mine, target, mask),
        "masked_psnr": _mean(metrics.masked_psnr, mine, target, mask),
        "masked_lpips": mean_lpips(lpips, mine, target, masks=mask),
    }


def _mean(metric: Callable[..., jax.Array], *arrays: np.ndarray) -> float:
    return float(np.mean(jax.jit(jax.vmap(metric))(*arrays)))
