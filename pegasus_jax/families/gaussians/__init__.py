"""Rigged 3D Gaussians of one person: bound to the head's surface, moved by it, corrected by a few learned bases.

Axes and units are the head's: x to the subject's left, y up, z out of the face; head units. Quaternions are (w, x, y,
z), relative to the frame of the surface; scales are standard deviations, stored as logarithms; opacities as logits.
Arrays of N Gaussians keep N last: components are separate rows, which is what a CPU's vector units want.
"""
