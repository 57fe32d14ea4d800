"""The formula once more, in float64 NumPy, pixel by pixel; shares no code with the package."""

import numpy as np


def splat(means2d, depths, radii, features, opacities, alive, *, image_size, limit=None):
    """Image, alpha, largest weight and frontness of each point, and the number of points not finite."""
    means2d, depths, radii, features, opacities = (
        np.asarray(a, np.float64) for a in (means2d, depths, radii, features, opacities)
    )
    height, width = image_size
    table = np.column_stack([means2d, depths, radii, features, opacities])
    broken = ~np.isfinite(table).all(axis=1) & alive & ~(depths <= 0)
    candidates = np.flatnonzero(alive & ~broken & (depths > 0) & (radii > 1e-15))
    nearest_first = candidates[np.argsort(depths[candidates], kind="stable")]
    image, alpha = np.zeros((height, width, features.shape[1])), np.zeros((height, width))
    max_weight, is_front = np.zeros(len(depths)), np.zeros(len(depths), bool)
    for row in range(height):
        for col in range(width):
            x, y = means2d[nearest_first].T
            distance = np.hypot(col + 0.5 - x, row + 0.5 - y)
            covering = nearest_first[distance < radii[nearest_first]]
            if covering.size:
                is_front[covering[0]] = True
            passed = 1.0
            for i in covering[:limit]:
                gap = np.hypot(col + 0.5 - means2d[i, 0], row + 0.5 - means2d[i, 1])
                weight = passed * opacities[i] * (1 - (gap / radii[i]) ** 2)
                image[row, col] += weight * features[i]
                alpha[row, col] += weight
                max_weight[i] = max(max_weight[i], weight)
                passed -= weight
    return image, alpha, max_weight, is_front, int(broken.sum())
