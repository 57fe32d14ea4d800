"""Stable Diffusion's parts as small as their classes go, at random, saved as diffusers saves them."""

import json
import pathlib

import torch
from diffusers import AutoencoderKL, ControlNetModel, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

torch.set_num_threads(1)  # threads of models so small wait for each other longer than they compute

_WIDTHS = (8, 16)
_TEXT = 16
_TOKENS = 24


def write_models(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The folders of a model and of a ControlNet for it."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=_WIDTHS,
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        cross_attention_dim=_TEXT,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 4),  # three halvings, as the real one's
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=2,
        latent_channels=4,
        mid_block_add_attention=False,
    )
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 4, 4))
    for parameter in controlnet.parameters():  # its last layers begin at zero, and would hide what it is given
        torch.nn.init.normal_(parameter, std=0.1)
    pipeline = StableDiffusionPipeline(
        unet=unet,
        vae=vae,
        text_encoder=_text_encoder(),
        tokenizer=_tokenizer(folder / "vocabulary"),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "base")
    controlnet.save_pretrained(folder / "controlnet")
    return folder / "base", folder / "controlnet"


def _text_encoder() -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=_TEXT,
            intermediate_size=16,
            num_attention_heads=2,
            num_hidden_layers=1,
            vocab_size=64,
            max_position_embeddings=_TOKENS,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )


def _tokenizer(folder: pathlib.Path) -> CLIPTokenizer:
    """Letters, alone and at a word's end, and no merges."""
    letters = "abcdefghijklmnopqrstuvwxyz,"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=_TOKENS)
