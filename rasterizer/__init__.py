"""Differentiable splatting of points and Gaussians: arrays in, image out; 3D Gaussians are projected first.

Pixel (row, col) has its centre at (col + 0.5, row + 0.5); x points right, y points down, both in pixels.
Depth is camera z, positive in front of the camera, in any unit. Points are composited front to back; of equal
depths the lower index comes first. Images are (H, W, C), colours are premultiplied, there is no background.
Unused rows of a padded point set are masked with `alive`.
"""

from rasterizer.cpu import instruction_set as instruction_set
from rasterizer.dispatch import BACKENDS as BACKENDS
from rasterizer.dispatch import backend_problem as backend_problem
from rasterizer.front import splat as splat
from rasterizer.front import splat_gaussians as splat_gaussians
from rasterizer.projection import Projections as Projections
from rasterizer.projection import covariances as covariances
from rasterizer.projection import project_covariances as project_covariances
from rasterizer.projection import project_gaussians as project_gaussians
from rasterizer.types import Splats as Splats
