"""Part-swapped videos: a target's clip in which one attribute is a donor's. Main paper section 3.3; spec section 11."""

from pegasus_jax.synthesis.synthesize import synthesize as synthesize
