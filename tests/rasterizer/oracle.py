"""The formulas once more, in float64 NumPy, pixel by pixel; shares no code with the package."""

import numpy as np


def splat(means2d, depths, features, opacities, alive, *, image_size, radii=None, conics=None, limit=None):
    """Image, alpha, largest weight and frontness of each point, and the number of points not finite."""
    shapes = np.asarray(radii, np.float64)[:, None] if conics is None else np.asarray(conics, np.float64)
    means2d, depths, features, opacities = (np.asarray(a, np.float64) for a in (means2d, depths, features, opacities))
    height, width = image_size
    table = np.column_stack([means2d, depths, shapes, features, opacities])
    broken = ~np.isfinite(table).all(axis=1) & alive & ~(depths <= 0)
    candidates = np.flatnonzero(alive & ~broken & (depths > 0) & _has_size(shapes))
    nearest_first = candidates[np.argsort(depths[candidates], kind="stable")]
    image, alpha = np.zeros((height, width, features.shape[1])), np.zeros((height, width))
    max_weight, is_front = np.zeros(len(depths)), np.zeros(len(depths), bool)
    for row in range(height):
        for col in range(width):
            dx, dy = col + 0.5 - means2d[nearest_first, 0], row + 0.5 - means2d[nearest_first, 1]
            opaque, covers = _alphas(dx, dy, shapes[nearest_first], opacities[nearest_first])
            covering = np.flatnonzero(covers)
            if covering.size:
                is_front[nearest_first[covering[0]]] = True
            passed = 1.0
            for rank in covering[:limit]:
                if conics is not None and passed * (1 - opaque[rank]) < 1e-4:
                    break
                i, weight = nearest_first[rank], passed * opaque[rank]
                image[row, col] += weight * features[i]
                alpha[row, col] += weight
                max_weight[i] = max(max_weight[i], weight)
                passed -= weight
    return image, alpha, max_weight, is_front, int(broken.sum())


def _has_size(shapes):
    if shapes.shape[1] == 1:
        return shapes[:, 0] > 1e-15
    a, b, c = shapes.T
    return (a > 0) & (c > 0) & (a * c > b * b)


def _alphas(dx, dy, shapes, opacities):
    if shapes.shape[1] == 1:
        distance = np.hypot(dx, dy)
        return opacities * (1 - (distance / shapes[:, 0]) ** 2), distance < shapes[:, 0]
    a, b, c = shapes.T
    alphas = np.minimum(opacities * np.exp(-(a * dx**2 + 2 * b * dx * dy + c * dy**2) / 2), 0.99)
    return alphas, alphas >= 1 / 255
