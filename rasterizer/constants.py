"""Thresholds that every backend shares."""

MIN_TRANSMITTANCE = 1e-7
"""A pixel is finished once the light that still passes cannot change a float32 image."""

MIN_RADIUS = 1e-15
"""Pixels. Smaller discs are not drawn: their squared radius would leave float32's normal range."""
