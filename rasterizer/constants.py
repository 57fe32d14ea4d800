"""Thresholds that every backend shares."""

MIN_TRANSMITTANCE = 1e-7
"""A pixel of discs is finished once the light that still passes cannot change a float32 image."""

MIN_RADIUS = 1e-15
"""Pixels. Smaller discs are not drawn: their squared radius would leave float32's normal range."""

GAUSSIAN_MIN_ALPHA = 1 / 255
"""3DGS: fainter than this, a Gaussian is not drawn."""

GAUSSIAN_MAX_ALPHA = 0.99
"""3DGS: no Gaussian is more opaque."""

GAUSSIAN_MIN_TRANSMITTANCE = 1e-4
"""3DGS: the Gaussian that would let less than this pass is not drawn, nor any behind it."""
