"""The GPU backend: Pallas kernels, one program per tile of 128 pixels, lowered by Mosaic GPU or by Triton."""

from rasterizer.pallas.backend import LOWERINGS as LOWERINGS
from rasterizer.pallas.backend import composite as composite
from rasterizer.pallas.backend import default_lowering as default_lowering
from rasterizer.pallas.backend import gradients as gradients
from rasterizer.pallas.backend import problem as problem
from rasterizer.pallas.kernels import TILE as TILE
