"""Stable Diffusion with an inpainting ControlNet, by diffusers: one picture in, one picture out.

The only module that needs torch, diffusers and transformers (the extra `diffusion`). Nothing is downloaded here: models
come from a folder, or from Hugging Face's own cache.
"""

import dataclasses
import gc
import importlib.util
import types
from typing import Any

import numpy as np

from pegasus_jax.errors import UserError

_PACKAGES = ("torch", "diffusers", "transformers")
_STEPS = 20
_GUIDANCE = 7.5


@dataclasses.dataclass(frozen=True)
class DiffusionModels:
    """Which models paint, as folders or names on Hugging Face, and where: "auto", "cpu" or "gpu"."""

    base: str = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    controlnet: str = "lllyasviel/control_v11p_sd15_inpaint"
    device: str = "auto"


class StableDiffusion:
    """The pipeline, loaded; a context manager, because it holds gigabytes that JAX wants next.

    Raises:
        UserError: the extra or a model is missing, or the device is not there.
    """

    def __init__(self, models: DiffusionModels):
        missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            raise UserError(f"--bald=diffusion needs {' and '.join(missing)}; install: pip install -e '.[diffusion]'")
        self._device = _torch_device(models.device)
        self._pipeline = _load(models, self._device)

    def __enter__(self) -> "StableDiffusion":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        import torch

        del self._pipeline
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()

    def __call__(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        control: np.ndarray,
        *,
        prompt: str,
        negative_prompt: str,
        seed: int,
    ) -> np.ndarray:
        """Paints what is masked; the rest comes out only nearly as it was.

        Args:
            image: (H, W, 3) uint8; H and W multiples of 8.
            mask: (H, W) bool, what to paint.
            control: (H, W, 3) float32, the picture in [0, 1] with -1 where it is masked, for the ControlNet.
            prompt, negative_prompt: what to paint, and what not to.
            seed: of the noise, which is drawn on the CPU so that every device paints the same.

        Returns:
            (H, W, 3) uint8.
        """
        import torch

        out = self._pipeline(
            prompt,
            negative_prompt=negative_prompt,
            image=torch.from_numpy(np.moveaxis(image, -1, 0)[None] / np.float32(255.0)),
            mask_image=torch.from_numpy(mask[None, None].astype(np.float32)),
            control_image=torch.from_numpy(np.moveaxis(control, -1, 0)[None].copy()),
            height=image.shape[0],
            width=image.shape[1],
            num_inference_steps=_STEPS,
            guidance_scale=_GUIDANCE,
            strength=1.0,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="np",
        )
        return np.round(255.0 * out.images[0]).astype(np.uint8)


def _torch_device(name: str) -> str:
    import torch

    if name == "gpu" and not torch.cuda.is_available():
        raise UserError("--device=gpu: torch finds no CUDA GPU for --bald=diffusion; install a torch built for CUDA.")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"


def _load(models: DiffusionModels, device: str) -> Any:
    import torch
    from diffusers import ControlNetModel, StableDiffusionControlNetInpaintPipeline, UniPCMultistepScheduler

    controlnet = _from_pretrained(ControlNetModel, models.controlnet, "controlnet")
    pipeline = _from_pretrained(
        StableDiffusionControlNetInpaintPipeline,
        models.base,
        "model",
        controlnet=controlnet,
        safety_checker=None,  # it would blacken a frame on a false alarm; what is painted is always a bald head
        requires_safety_checker=False,
    )
    pipeline.scheduler = UniPCMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device, torch.float16 if device == "cuda" else torch.float32)


def _from_pretrained(kind: Any, name: str, flag: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(name, local_files_only=True, **options)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--diffusion_{flag}={name} cannot be loaded ({reason}); give a folder as diffusers saves it, or download "
            "the model as docs/bald.md says."
        ) from error
