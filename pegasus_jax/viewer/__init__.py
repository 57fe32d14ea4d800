"""The browser viewer: one avatar, any number of clients, each with a look, pose and camera of its own.

viser brings the page, its controls and the connection; the pictures are rendered here and sent as JPEG.
"""
