"""Is it still the same person after an edit? Every look against the person as filmed, in the same unseen poses.

Main tables 1 and 2: the papers compare with a PointAvatar of the target by ArcFace; for it stands the avatar as filmed.
The first row compares the avatar as filmed with the frames themselves: what reconstruction leaves of an identity.
"""

import dataclasses

import numpy as np

from pegasus_jax.evaluation.portraits import Observer, Portraits, compared
from pegasus_jax.evaluation.protocols.protocol import check_counts
from pegasus_jax.evaluation.reconstruction import render_drive
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Row, Table

_ABOUT = (
    "Renders at held-out poses against the person as filmed in the same pose; the person as filmed against the frames. "
    "Frames in which both have a face: a mean cosine (ArcFace), and the distance of mean landmark shapes."
)


@dataclasses.dataclass(frozen=True)
class Identity:
    """Settings."""

    frames: int = 24  # held-out frames of the driving clip, at equal distances
    image_size: int = 256  # pixels: side of the pictures that are looked at

    def __post_init__(self):
        check_counts(self, "frames", "image_size")

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Identity: rows by look."""
        observer = Observer.found()
        rows = subject.rows(subject.driver, count=self.frames)
        drive = subject.drive(subject.driver, rows, image_size=self.image_size)
        filmed = np.asarray(subject.frames(subject.driver, rows, image_size=self.image_size).over_white())

        def seen(baked) -> Portraits:
            return observer.look(render_drive(baked, drive).image)

        plain = seen(subject.as_filmed())
        found = [Row(("as filmed",), compared(plain, observer.look(filmed)))]
        for look in subject.avatar.looks[1:]:
            worn = seen(subject.avatar.bake(subject.avatar.latent(look)))
            found.append(Row((look,), compared(worn, plain)))
        return {"identity": Table(_ABOUT, ("look",), tuple(found))}
