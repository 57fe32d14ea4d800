"""Pictures of looks that nobody filmed, as figures see them: kept are features and distances, not the pictures."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from pegasus_jax.evaluation import weights
from pegasus_jax.evaluation.distribution import frechet_distance, kernel_distance
from pegasus_jax.evaluation.latent_paths import path_figures
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.onnx_features import OnnxFeatures
from pegasus_jax.evaluation.perceptual import distances
from pegasus_jax.evaluation.portraits import Observer, Portraits, compared
from pegasus_jax.evaluation.tables import Figure, mean_figures, total
from pegasus_jax.evaluation.weights import NotComputed


@dataclasses.dataclass(frozen=True)
class Judges:
    """The networks whose opinion is asked, as far as their files are here."""

    observer: Observer
    inception: OnnxFeatures | NotComputed
    lpips: Lpips | NotComputed

    @classmethod
    def found(cls) -> "Judges":
        """Those whose files are here."""
        return cls(Observer.found(), weights.inception(), weights.lpips())

    def features(self, images: np.ndarray) -> np.ndarray | NotComputed:
        """Inception's features (N, D) of pictures (N, H, W, 3) in [0, 1]."""
        return self.inception if isinstance(self.inception, NotComputed) else self.inception(images)


class Gallery:
    """Looks of one kind, each in the same P poses.

    Args:
        judges: who looks at them.
        plain: the person as filmed in these poses.
    """

    def __init__(self, judges: Judges, plain: Portraits):
        self._judges, self._plain = judges, plain
        self._features: list[np.ndarray | NotComputed] = []
        self._identity: list[dict[str, Figure]] = []
        self._steps: list[np.ndarray] = []  # of each path (P, S) mean absolute differences
        self._distances: list[np.ndarray] = []  # of each path (P, S) LPIPS, if it is here
        self._pictures = 0

    def hang(self, path: Sequence[np.ndarray]) -> list[Portraits]:
        """Adds looks that follow each other on a path, or a single one, and returns how they are seen.

        Pictures (P, H, W, 3) in [0, 1] of each.
        """
        seen = [self._judges.observer.look(images) for images in path]
        for images, portraits in zip(path, seen):
            self._pictures += len(images)
            self._features.append(self._judges.features(images))
            self._identity.append(compared(portraits, self._plain))
        if len(path) > 1:
            steps = list(itertools.pairwise(path))
            self._steps.append(np.stack([np.abs(b - a).mean(axis=(1, 2, 3)) for a, b in steps], axis=1))
            lpips = self._judges.lpips
            if not isinstance(lpips, NotComputed):
                self._distances.append(np.stack([distances(lpips, a, b) for a, b in steps], axis=1))
        return seen

    def figures(self, reference: np.ndarray | NotComputed) -> dict[str, Figure]:
        """Figures of all that hangs; `reference` (M, D) are Inception's features of pictures to be like."""
        return {
            "looks": len(self._identity),
            "pictures": self._pictures,
            **self._distribution(reference),
            **mean_figures(self._identity),
            "faces": total([one["faces"] for one in self._identity]),
            **(self._paths() if self._steps else {}),
        }

    def _distribution(self, reference: np.ndarray | NotComputed) -> dict[str, Figure]:
        if isinstance(reference, NotComputed):
            return dict.fromkeys(("fid", "kid"), reference)
        pictures = np.concatenate([one for one in self._features if not isinstance(one, NotComputed)])
        if min(len(pictures), len(reference)) < 2:
            return dict.fromkeys(("fid", "kid"), NotComputed("two pictures or more on each side"))
        return {"fid": frechet_distance(pictures, reference), "kid": kernel_distance(pictures, reference).mean}

    def _paths(self) -> dict[str, Figure]:
        """Means over paths in one pose: by LPIPS as published, and without weights by mean absolute differences."""
        steps = np.concatenate(self._steps)
        plain: dict[str, Figure] = {
            "l1_length": float(steps.sum(axis=1).mean()),
            "l1_largest_step": float((steps.max(axis=1) / np.maximum(steps.mean(axis=1), 1e-9)).mean()),
        }
        if isinstance(self._judges.lpips, NotComputed):
            return {**dict.fromkeys(("ppl", "pdv", "pdv_deviation"), self._judges.lpips), **plain}
        ppl, pdv, deviation = np.mean([path_figures(path) for path in np.concatenate(self._distances)], axis=0).tolist()
        return {"ppl": ppl, "pdv": pdv, "pdv_deviation": deviation, **plain}
