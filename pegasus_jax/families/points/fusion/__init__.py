"""Zero-shot transfer: points of two avatars make a third. Spec section 12 (supplement B of the paper).

Everything here works on the points of two avatars under one latent each; avatars themselves are `inference`'s.
"""
