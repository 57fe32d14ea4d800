"""PERSE: free 3D Gaussians whose attributes networks say, conditioned on a latent of ten parts (Cha, Lee, Joo 2025).

Spaces are those of `families.free_points`: points in generic canonical space are learned, networks say where they lie
under a look, what they look like, and how a frame moves them.
"""
