"""PEGASUS-JAX: personalised generative 3D head avatars."""
