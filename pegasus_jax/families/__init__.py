"""The families of avatars: what differs between points, Gaussians and tri-planes."""
