"""The native backend: C++ behind XLA's FFI, on XLA's own threads; float32. Batches are handled in C++."""

from rasterizer.cpu.backend import composite as composite
from rasterizer.cpu.backend import gradients as gradients
from rasterizer.cpu.backend import instruction_set as instruction_set
from rasterizer.cpu.backend import problem as problem
