"""Methods side by side: the same edits of one person, made in different ways, measured alike.

What the rows of the papers' tables are: an edit may be a look of a generative avatar, an avatar fused of two, or an
avatar trained on the edited video alone.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.motion import Motion
from pegasus_jax.data.frames import Batch
from pegasus_jax.evaluation.gallery import Gallery, Judges
from pegasus_jax.evaluation.portraits import Portraits, consistency
from pegasus_jax.evaluation.protocols.attribute_transfer import transferred
from pegasus_jax.evaluation.protocols.temporal import longest_stretch, steadiness
from pegasus_jax.evaluation.reconstruction import drive_of, render_drive
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Figure, mean_figures, total
from pegasus_jax.evaluation.weights import NotComputed


@dataclasses.dataclass(frozen=True)
class Edit:
    """One edited person."""

    look: str  # what it is to look like: "hair/ada"
    baked: BakedLook


@dataclasses.dataclass(frozen=True)
class Stage:
    """What all methods are shown in and compared with."""

    judges: Judges
    drive: Motion  # consecutive held-out frames of the person's own clip
    filmed: np.ndarray  # (N, H, W, 3): those frames over white
    plain: Portraits  # the unedited avatar in them
    reference: np.ndarray | NotComputed  # Inception's features of all frames of that clip
    exemplars: Mapping[str, Batch]  # by look, held-out frames that show it

    @classmethod
    def of(cls, target: Subject, *, frames: int, image_size: int) -> "Stage":
        """From the unedited avatar with the person's own clip, and clips that show looks.

        Frames for identity, distribution and flicker have `image_size` pixels a side; those that an attribute is
        compared in are of the target's own size. `frames` is how many of each, at most.
        """
        clip, judges = target.driver, Judges.found()
        rows = longest_stretch(clip.numbers, target.rows(clip))[:frames]
        drive = target.drive(clip, rows, image_size=image_size)
        pictures = np.asarray(target.frames(clip, np.arange(len(clip)), image_size=image_size).over_white())
        exemplars = [one for one in target.clips if one.synthesis]
        return cls(
            judges=judges,
            drive=drive,
            filmed=pictures[rows],
            plain=judges.observer.look(render_drive(target.as_filmed(), drive).image),
            reference=judges.features(pictures),
            exemplars={one.look: target.frames(one, target.rows(one, count=frames)) for one in exemplars},
        )


def measured(edits: Sequence[Edit], stage: Stage) -> dict[str, Figure]:
    """The figures of main table 1 and supplement table 1, and what stands beside them without weights.

    FID and KID are over all edits together, the others means over edits.
    """
    gallery = Gallery(stage.judges, stage.plain)
    moving: list[dict[str, Figure]] = []
    matched: list[dict[str, Figure]] = []
    for edit in edits:
        images = render_drive(edit.baked, stage.drive).image
        (seen,) = gallery.hang([images])
        moving.append({**consistency(seen), **steadiness(images, stage.filmed)})
        if edit.look in stage.exemplars:
            shown = stage.exemplars[edit.look]
            matched.append(transferred(render_drive(edit.baked, drive_of(shown)).image, shown, stage.judges.lpips))
    frames = total([one["frames"] for one in matched])
    return {**gallery.figures(stage.reference), **mean_figures(moving), **mean_figures(matched), "frames": frames}
