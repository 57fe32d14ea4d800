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
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.portraits import Observer, Portraits, compared
from pegasus_jax.evaluation.tables import Figure, mean_figure, mean_figures, total
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
        self._steps: list[np.ndarray] = []  # (S,) each: mean absolute differences along a path
        self._distances: list[list[Figure]] = []  # S each: mean LPIPS along it
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
            self._steps.append(np.array([np.abs(b - a).mean() for a, b in steps]))
            self._distances.append([mean_lpips(self._judges.lpips, a, b) for a, b in steps])
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
        """Means over paths: PPL and PDV by LPIPS; the same without weights, by absolute differences."""
        by_lpips = [_along(path) for path in self._distances]
        return {
            "ppl": mean_figure([one[0] for one in by_lpips]),
            "pdv": mean_figure([one[1] for one in by_lpips]),
            "l1_length": mean_figure([float(steps.sum()) for steps in self._steps]),
            "l1_largest_step": mean_figure([float(steps.max() / max(steps.mean(), 1e-9)) for steps in self._steps]),
        }


def _along(distances: Sequence[Figure]) -> tuple[Figure, Figure]:
    """PPL and PDV of one path."""
    missing = next((one for one in distances if isinstance(one, NotComputed)), None)
    if missing:
        return missing, missing
    found = path_figures(np.asarray(distances, np.float64))
    return found.ppl, found.pdv
