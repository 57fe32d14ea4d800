"""How near a transferred attribute comes to pictures of it: supplement table 1, spec section 14.1.

Compared with held-out frames of the clips that show it, inside their masks of the attribute alone. Of a part-swapped
clip the avatar was trained on the beginning; an exact one, where there is such a thing as "this person with that hair",
measures synthesis and training together.
"""

import dataclasses

import jax
import numpy as np

from pegasus_jax.data import Dataset
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import metrics, reconstruction, weights
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table
from pegasus_jax.evaluation.weights import NotComputed

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
        shown = test.seg >= 128
        target, drive = np.asarray(test.over_white()), reconstruction.drive_of(test)
        latent = subject.avatar.latent(look)
        shown_by = {"look": subject.avatar.bake(latent), "as filmed": subject.as_filmed()}
        rows = []
        for kind, baked in (shown_by | subject.without_alignment(latent)).items():
            images = reconstruction.render_drive(baked, drive).image
            perceptual = mean_lpips(lpips, images, target, masks=shown)
            rows.append(Row((look, kind), _inside(images, target, shown) | {"lpips": perceptual}))
        return rows


def _inside(images: np.ndarray, target: np.ndarray, shown: np.ndarray) -> dict[str, Figure]:
    """Means over the frames (N, H, W) that show the attribute."""
    some = shown.any(axis=(1, 2))
    arrays = images[some], target[some], shown[some]
    if not some.any():
        return {"frames": 0}
    found = {
        name: float(np.mean(jax.vmap(metric)(*arrays)))
        for name, metric in (("masked_l2", metrics.masked_l2), ("masked_psnr", metrics.masked_psnr))
    }
    return {"frames": int(some.sum()), **found}
