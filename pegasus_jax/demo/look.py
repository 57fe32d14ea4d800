"""A look: one person wearing parts of others. The wearer's betas stay; only the part's surroundings change shape."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from pegasus_jax.demo.anatomy import Anatomy
from pegasus_jax.demo.face import Face
from pegasus_jax.demo.people import ATTRIBUTES, Hat, Person
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import HeadModel

_RING = (0.05, 0.6)  # shape weights that count as the border between a part and the face


@dataclasses.dataclass(frozen=True)
class Look:
    """A person, and whose part is worn for each attribute that is not their own."""

    person: Person
    wearing: Mapping[str, Person]

    def __post_init__(self):
        unknown = sorted(set(self.wearing) - set(ATTRIBUTES))
        if unknown:
            raise UserError(f"There is no attribute {unknown[0]!r}; there are {', '.join(ATTRIBUTES)}.")
        if "hat" in self.wearing and self.wearing["hat"].hat is None:
            raise UserError(f"{self.wearing['hat'].name} has no hat to lend.")

    def source(self, attribute: str) -> Person:
        """Whose part of that attribute is seen."""
        return self.wearing.get(attribute, self.person)

    @property
    def hat(self) -> Hat | None:
        """The hat that is worn, if any."""
        return self.source("hat").hat

    @property
    def face(self) -> Face:
        """What is painted on the head."""
        return Face(
            skin=self.person.skin,
            eyes=self.source("eyes").eyes,
            eyebrows=self.source("eyebrows").eyebrows,
            mouth=self.source("mouth").mouth,
            hair=self.source("hair").hair,
        )

    def local_offset(self, head: HeadModel, anatomy: Anatomy) -> np.ndarray:
        """What borrowed parts add to the wearer's rest vertices: (V, 3) head units, zero away from the parts.

        The difference of two face shapes also moves the part as a whole; that share, measured on the part's
        border, is taken off, so that a nose sits on the face that wears it.
        """
        offset = np.zeros_like(anatomy.template)
        for part, weight in anatomy.shape_weights.items():
            donor = self.source(part)
            if donor is not self.person:
                delta = np.asarray(head.shapedirs) @ (donor.shape - self.person.shape)
                border = (weight > _RING[0]) & (weight < _RING[1])
                offset += weight[:, None] * (delta - delta[border].mean(axis=0))
        return offset
