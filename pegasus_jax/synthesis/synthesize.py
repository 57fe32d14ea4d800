"""`launch.py synthesize`: a target's clip with one attribute of a donor's avatar, as an ordinary dataset folder."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from pegasus_jax import media, paths, progress
from pegasus_jax.core import metrics
from pegasus_jax.core.avatar import Avatar, HasPrimitives
from pegasus_jax.data import Dataset, DatasetWriter, layout, pictures, read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import check_head, default_head, tracked_with
from pegasus_jax.flame import load_head
from pegasus_jax.flame.hair_retargeting import retarget_hair
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.inference.frame_params import frame_params_of
from pegasus_jax.inference.load import load
from pegasus_jax.inference.run_record import read_run
from pegasus_jax.synthesis import bald as bald_frames
from pegasus_jax.synthesis import diffusion, facial, headwear
from pegasus_jax.synthesis.bald import Bald
from pegasus_jax.synthesis.flicker import Flicker
from pegasus_jax.synthesis.own_shape import own_shape_offsets
from pegasus_jax.synthesis.part_share import PartShare, part_share
from pegasus_jax.synthesis.performance import Performance, normals_of, perform
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels

FACIAL = ("eyes", "eyebrows", "nose", "mouth")
HEADWEAR = ("hair", "hat")
ATTRIBUTES = (*HEADWEAR, *FACIAL)
BALD_WAYS = ("inpaint", "diffusion")  # of removing hair; else a folder has the frames
_MASK = 0.5  # coverage that counts as the part
_SHEET_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Swapped:
    """One composed frame."""

    image: np.ndarray  # (H, W, 3) uint8
    matte: np.ndarray  # (H, W) uint8
    part: np.ndarray  # (H, W) uint8: the new part
    changed: np.ndarray  # (H, W) bool: elsewhere image and matte are the target's


class Dropped(Exception):
    """The frame cannot be composed; the message says why."""


def synthesize(
    target: pathlib.Path,
    *,
    donor: pathlib.Path,
    attribute: str,
    out: pathlib.Path,
    bald: str | pathlib.Path = BALD_WAYS[0],
    diffusion_models: DiffusionModels = DiffusionModels(),
    head: pathlib.Path | None = None,
    target_avatar: pathlib.Path | None = None,
    donor_data: pathlib.Path | None = None,
    donor_parts: pathlib.Path | None = None,
) -> None:
    """Writes `target` with the donor's `attribute` to `out`.

    Args:
        target: the target's dataset folder.
        donor: the donor's work folder, or an avatar's `.npz`; its name is the donor's.
        attribute: one of ATTRIBUTES.
        out: the dataset folder to write.
        bald: "inpaint"; "diffusion", whose frames are kept beside `out` in `<target>.bald`; or a folder of bald frames
            made elsewhere.
        diffusion_models: what paints for "diffusion".
        head: the head model that the target was captured with; looked for by its hash without it.
        target_avatar: the target's own avatar, for `normal/`; without it the folder has none.
        donor_data: the donor's dataset folder, whose masks tell the part; that of the work folder's run without it.
        donor_parts: a folder of masks `<frame>.png` of the attribute in the donor's clip, where its own has none.

    Raises:
        UserError: an input is missing or does not fit, or no frame could be composed.
    """
    if attribute not in ATTRIBUTES:
        raise UserError(f"There is no attribute {attribute!r}; there are {', '.join(ATTRIBUTES)}.")
    clip, donor_clip = read_dataset(target), read_dataset(donor_data or _clip_of(donor))
    _check_target(clip, attribute)
    model = load_head(head) if head else default_head(tracked_with(clip))
    check_head(clip, model)
    avatar = load(donor)
    baked = _with_primitives(avatar, donor)
    share = _share(baked, donor_clip, attribute, donor_parts, size=avatar.description.image_size)
    painted = out.parent / f"{clip.folder.name}.bald"
    prepare = _bald(bald, clip, model, painted, diffusion_models) if attribute in HEADWEAR else None
    own = _normals(target_avatar, clip, baked)
    flicker = Flicker()
    reasons: dict[str, str] = {}
    frames = []
    made = media.composed(f"{clip.folder.name} with the {attribute} of {_name(donor)}")
    with DatasetWriter(out, image_size=clip.image_size, disclosure=made) as writer:
        performances = perform(_ready(baked, share, clip, attribute), share, clip)
        for index in progress.bar(range(len(clip)), desc=f"{attribute} of {_name(donor)}"):
            performance = next(performances)
            number = int(clip.numbers[index])
            normals = next(own) if own is not None else None
            try:
                swapped = compose(clip, index, performance, attribute, prepare)
            except Dropped as reason:
                reasons[str(number)] = str(reason)
                continue
            flicker.add(index, clip.images(indices=[index])[0], swapped.image, swapped.matte, swapped.changed)
            writer.add(
                number,
                swapped.image,
                swapped.matte,
                parts=_parts(clip, index, attribute, swapped),
                normal=_target_normals(swapped, performance, normals) if normals is not None else None,
            )
            frames.append(frame_params_of(clip, index, model))
        if not frames:
            raise UserError(f"No frame could be composed: {next(iter(reasons.values()))}")
        sheet = _sheet(writer.folder, clip, [frame.number for frame in frames], attribute)
        media.write_image(writer.folder / "figures" / "before_after.png", sheet, disclosure=made)
        writer.finish(
            frames=frames,
            betas=clip.betas,
            intrinsics=clip.intrinsics[0],
            capture=_capture(clip, _name(donor), attribute, reasons, flicker),
        )


def _ready(donor: HasPrimitives, share: PartShare, clip: Dataset, attribute: str) -> HasPrimitives:
    """The donor as it lends to the clip: the part in its own colours, hair draped, facial parts in their own shape."""
    betas, is_part = np.asarray(clip.betas), share.is_part
    coloured = donor.edited(colours=share.base_colours)
    if attribute == "hair":
        offsets = retarget_hair(
            donor.head, donor.head_vertices, donor.anchors, donor.vertices, is_part, own=donor.betas, other=betas
        )
        return coloured.edited(offsets=offsets)
    return coloured if attribute in HEADWEAR else coloured.edited(offsets=own_shape_offsets(donor, is_part, betas))


def compose(clip: Dataset, index: int, donor: Performance, attribute: str, bald: Bald | None) -> Swapped:
    """One frame of `clip` with the donor's attribute.

    Raises:
        Dropped: the old or the new part is not to be seen, or the donor's hides the face.
    """
    image, matte = clip.images(indices=[index])[0], clip.masks(indices=[index])[0]
    if attribute in FACIAL:
        old, new = clip.parts(attribute, indices=[index])[0] > 127, facial.whole(donor.part)
        if not old.any():
            raise Dropped(f"the target's {attribute} cannot be seen")
        if not new.any():
            raise Dropped(f"the donor's {attribute} cannot be seen")
        picture = np.round(255.0 * donor.colour()).astype(np.uint8)  # white would shine through between points
        spared, is_skin = _other_parts(clip, index, attribute), attribute == "nose"
        swapped, changed = facial.swap(image, old, picture, new, spared=spared, is_skin=is_skin)
        return Swapped(swapped, matte, 255 * new.astype(np.uint8), changed)
    if attribute == "hat" and not (donor.part > _MASK).any():
        raise Dropped("the donor's hat cannot be seen")
    assert bald is not None
    swapped, new_matte, worn, changed = headwear.put_on(image, matte, bald(index), donor, keep_below=attribute == "hat")
    if attribute == "hat" and _swallows_the_face(image, swapped, donor):
        raise Dropped("the donor's hat covers the face: its masks are wrong there")
    return Swapped(swapped, new_matte, np.round(255.0 * worn).astype(np.uint8), changed)


def _other_parts(clip: Dataset, index: int, attribute: str) -> np.ndarray:
    """(H, W) bool: the facial parts that are not the attribute."""
    others = np.zeros(clip.image_size, bool)
    for name in set(FACIAL).intersection(clip.part_names) - {attribute}:
        others |= clip.parts(name, indices=[index])[0] > 127
    return others


def _swallows_the_face(image: np.ndarray, swapped: np.ndarray, donor: Performance) -> bool:
    """Spec section 11.4: the composed frame is more like the donor's than like the target's."""
    before, after = (picture.astype(np.float32) / 255.0 for picture in (image, swapped))
    return float(metrics.ssim(after, donor.image)) > float(metrics.ssim(after, before))


def _with_primitives(avatar: Avatar, path: pathlib.Path) -> HasPrimitives:
    """The person as filmed, baked."""
    if "primitives" not in avatar.capabilities or avatar.fusing_steps:
        raise UserError(f"{path} is no trained avatar made of points or Gaussians; give one that is.")
    return cast(HasPrimitives, avatar.bake())


def _name(donor: pathlib.Path) -> str:
    path = donor.resolve()
    return path.stem if path.suffix.lower() == ".npz" else path.name


def _clip_of(donor: pathlib.Path) -> pathlib.Path:
    if donor.is_file():
        raise UserError(f"{donor} does not say what it was trained on; name the donor's dataset with --donor_data.")
    return read_run(donor).data[0]


def _check_target(clip: Dataset, attribute: str) -> None:
    if np.ptp(clip.intrinsics, axis=0).max() > 0:
        raise UserError(f"{clip.folder} was filmed by several cameras; a target needs the pictures of one.")
    needed = "hair" if attribute in HEADWEAR else attribute
    if needed not in clip.part_names:
        raise UserError(f"{clip.folder} has no masks of {needed!r}; capture it again, or add parts/{needed}/1.png, …")


def _share(
    baked: HasPrimitives, donor_clip: Dataset, attribute: str, folder: pathlib.Path | None, *, size: int
) -> PartShare:
    frames = load_frames(donor_clip, np.arange(len(donor_clip)), image_size=(size, size))
    if folder is not None:
        found = _read_masks(folder, donor_clip, (size, size))
    elif attribute in donor_clip.part_names:
        found = donor_clip.parts(attribute, image_size=(size, size))
    else:
        raise UserError(
            f"{donor_clip.folder} has no masks of {attribute!r}; name a folder of them: --parts={attribute}=FOLDER"
        )
    if not found.any() and attribute != "hair":
        raise UserError(f"{donor_clip.folder}: the masks of {attribute!r} are empty; this donor has none to lend.")
    return part_share(baked, frames, found)


def _read_masks(folder: pathlib.Path, clip: Dataset, size: tuple[int, int]) -> np.ndarray:
    return np.stack([pictures.read_grey(folder / f"{number}.png", image_size=size) for number in clip.numbers.tolist()])


def _bald(
    how: str | pathlib.Path, clip: Dataset, head: HeadModel, painted: pathlib.Path, models: DiffusionModels
) -> Bald:
    if str(how) == BALD_WAYS[0]:
        return bald_frames.inpainted(clip, head)
    if str(how) == BALD_WAYS[1]:
        return diffusion.painted(clip, folder=painted, models=models)
    folder = paths.expanded(how)
    if not folder.is_dir():
        raise UserError(f"--bald={how} is neither inpaint nor diffusion nor a folder of bald frames.")
    return bald_frames.from_folder(folder, clip)


def _normals(path: pathlib.Path | None, clip: Dataset, donor: HasPrimitives):
    """The normals of the target's own avatar, frame by frame."""
    if path is None:
        return None
    own = _with_primitives(load(path), path)
    if not ("normals" in own.channels and "normals" in donor.channels):
        raise UserError("Only avatars of points have normals: leave --target_avatar out, or give two of points.")
    return normals_of(own, clip)


def _target_normals(swapped: Swapped, donor: Performance, own: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the donor's normals on the new part, the target's own elsewhere."""
    assert donor.normals is not None  # asked for where both avatars have them
    part = (swapped.part / 255.0)[..., None]
    return np.round(255.0 * np.clip(part * donor.normals + (1.0 - part) * own, 0.0, 1.0)).astype(np.uint8)


def _parts(clip: Dataset, index: int, attribute: str, swapped: Swapped) -> dict[str, np.ndarray]:
    """The masks of the composed frame: the new part is its own, and hides what it lies on."""
    parts = {name: clip.parts(name, indices=[index])[0] for name in clip.part_names}
    for name, mask in parts.items():
        parts[name] = np.minimum(mask, 255 - swapped.part)
    if attribute == "hat" and "hair" in parts:
        parts["hair"] = np.where(swapped.changed, 0, parts["hair"]).astype(np.uint8)
    parts[attribute] = swapped.part
    return parts


def _capture(
    clip: Dataset,
    donor: str,
    attribute: str,
    reasons: Mapping[str, str],
    flicker: Flicker,
) -> dict[str, Any]:
    return {
        **{name: clip.capture[name] for name in ("head", "synthetic") if name in clip.capture},
        "synthesis": {
            "attribute": attribute,
            "donor": donor,
            "target": clip.folder.name,
            "dropped": dict(reasons),
            "flicker": flicker.figures(),
        },
    }


def _sheet(folder: pathlib.Path, clip: Dataset, numbers: Sequence[int], attribute: str) -> np.ndarray:
    """Some of the frames before and after, read back from the new folder."""
    size = clip.image_size
    grid = []
    for row in np.linspace(0, len(numbers) - 1, min(_SHEET_ROWS, len(numbers))).astype(int):
        number = numbers[row]
        before = clip.images(indices=np.flatnonzero(clip.numbers == number))[0]
        after = pictures.read_rgb(layout.image_path(folder, number), image_size=size)
        matte = pictures.read_grey(layout.mask_path(folder, number), image_size=size)[..., None] / 255.0
        part = pictures.read_grey(layout.part_path(folder, attribute, number), image_size=size)
        over_white = np.round(after * matte + 255.0 * (1.0 - matte)).astype(np.uint8)
        grid.append([before, after, over_white, np.repeat(part[..., None], 3, axis=2)])
    labels = ["before", "after", "after, over white", "the new part"]
    return media.contact_sheet(grid, labels=labels)
