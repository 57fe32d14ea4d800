"""The networks of the avatar and the way from canonical points to a picture.

Spaces, always by these names: generic canonical `gc` -> subject canonical `sc` -> FLAME canonical `fc` -> deformed `d`.
"""
