"""The synthetic cast, its clips with exact ground truth, and the demo that they play in."""
