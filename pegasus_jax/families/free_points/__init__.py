"""What avatars of points that no mesh holds have in common, whatever is drawn at the points: discs or 3D Gaussians.

Spaces, always by these names: generic canonical `gc` -> subject canonical `sc` -> FLAME canonical `fc` -> deformed `d`.
"""
