"""The ablation of the offsets: main table 3. One row per run; compare runs that differ in `networks.gc` alone.

Held-out frames of all of a run's clips, part-swapped ones too, each under the look that it shows. The published models
have one more row, without O_sc: these networks always have the offset from subject to FLAME space.
"""

import dataclasses

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import reconstruction, weights
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, Row, Table, mean_figure

_ABOUT = (
    "Held-out frames of all clips, each under its own look, over white, whole pictures, tracked; means over frames. "
    "gc: the offset from generic to subject space: off, as published (it never learns), or learned."
)
_COMPARED = ("psnr", "ssim", "l1")


@dataclasses.dataclass(frozen=True)
class Offsets:
    """No settings; all held-out frames are used."""

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Offsets: one row.

        Raises:
            UserError: the avatar is fused, or its family has no such offset.
        """
        avatar = subject.avatar
        networks = avatar.description.model.get("networks", {})
        if "gc" not in networks or avatar.fusing_steps:
            raise UserError("The ablation of offsets compares trained avatars of points that are not fused of two.")
        lpips = weights.lpips()
        counts: list[int] = []
        found: list[dict[str, Figure]] = []
        for clip in subject.clips:
            test = subject.frames(clip, subject.rows(clip))
            baked = avatar.bake(subject.latent_shown(clip))
            pictures = reconstruction.render_drive(baked, reconstruction.drive_of(test))
            figures = reconstruction.figures_of(pictures, test)
            perceptual = mean_lpips(lpips, pictures.image, np.asarray(test.over_white()))
            counts.append(len(test.frame))
            found.append({**{name: figures[name] for name in _COMPARED}, "lpips": perceptual})
        means = {name: mean_figure([one[name] for one in found], weights=counts) for name in found[0]}
        row = Row((networks["gc"],), {"clips": len(counts), "frames": sum(counts), **means})
        return {"offsets": Table(_ABOUT, ("gc",), (row,))}
