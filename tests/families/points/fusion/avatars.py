"""Two small avatars of one head model, at random, whose segmentation cues each take a part of their points."""

import dataclasses
import pathlib

import numpy as np

from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.inference import load
from tests.inference.untrained import Folders, trained_further, write_run

SHARE = 0.4  # of the points that the cue takes


def write_avatars(folder: pathlib.Path) -> tuple[Folders, TrainedPointAvatar, TrainedPointAvatar]:
    """Files, a source with looks of hair and nose, and a target that is almost the same person, of another name."""
    folders = write_run(folder)
    source = with_cue(load(folders.run), SHARE)
    target = with_cue(trained_further(source), SHARE)
    target.description = dataclasses.replace(target.description, looks=("cleo", *source.looks[1:]))
    return folders, source, target


def with_cue(avatar: TrainedPointAvatar, share: float) -> TrainedPointAvatar:
    """The same avatar, whose cue takes this share of the points of the person as filmed."""
    networks = avatar.networks
    logits = np.asarray(avatar.bake().points.seg_logit)
    networks.canonical.seg.bias[...] -= np.quantile(logits, 1.0 - share) + (-1.0 if share == 1.0 else 0.0)
    return TrainedPointAvatar(avatar.description, networks, avatar.points_gc, avatar.part, avatar.radius)
