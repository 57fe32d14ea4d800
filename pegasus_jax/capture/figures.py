"""Pictures for a person to judge a capture by."""

import cv2
import numpy as np

from pegasus_jax.media import contact_sheet

_TILE = 360
_COLUMNS = 5
_MESH, _DETECTED, _FITTED = (255, 255, 255), (60, 230, 60), (255, 60, 60)
_PART_COLOURS = {
    "eyebrows": (255, 80, 0),
    "eyes": (0, 220, 0),
    "hair": (60, 60, 255),
    "lips": (255, 220, 0),
    "mouth": (255, 0, 220),
    "nose": (0, 220, 220),
}
_SUBPIXEL_BITS = 4


def mesh_overlay(
    image: np.ndarray, vertices: np.ndarray, faces: np.ndarray, detected: np.ndarray, fitted: np.ndarray
) -> np.ndarray:
    """The front of the mesh and the landmarks drawn on `image` (S, S, 3) uint8; all points (N, 2) in crop sides.

    `detected` points are green, `fitted` ones red.
    """
    canvas = cv2.resize(image, (_TILE, _TILE), interpolation=cv2.INTER_AREA)
    corners = vertices[faces]
    edge_a, edge_b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    front = edge_a[:, 0] * edge_b[:, 1] - edge_a[:, 1] * edge_b[:, 0] < 0  # counter-clockwise with y down
    drawn = canvas.copy()
    cv2.polylines(drawn, list(_fixed(corners[front])), True, _MESH, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    canvas = cv2.addWeighted(canvas, 0.72, drawn, 0.28, 0)
    for points, colour in ((detected, _DETECTED), (fitted, _FITTED)):
        for point in _fixed(points):
            cv2.circle(canvas, point.tolist(), 12, colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    return canvas


def parts_overlay(image: np.ndarray, mask: np.ndarray, parts: dict[str, np.ndarray]) -> np.ndarray:
    """The matte as white background and each part in its colour, on `image` (S, S, 3) uint8."""
    alpha = mask[..., None] / 255
    canvas = image * alpha + 255 * (1 - alpha)
    for name, part in parts.items():
        share = 0.4 * part[..., None] / 255
        canvas = canvas * (1 - share) + np.array(_PART_COLOURS[name]) * share
    return cv2.resize(canvas.astype(np.uint8), (_TILE, _TILE), interpolation=cv2.INTER_AREA)


def sheet(tiles: list[np.ndarray], numbers: list[int]) -> np.ndarray:
    """Tiles with their frame numbers, row by row."""
    labelled = []
    for tile, number in zip(tiles, numbers):
        tile = tile.copy()
        cv2.putText(tile, str(number), (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(tile, str(number), (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
        labelled.append(tile)
    blank = np.full((_TILE, _TILE, 3), 255, np.uint8)
    labelled += [blank] * (-len(labelled) % min(_COLUMNS, len(labelled)))
    columns = min(_COLUMNS, len(labelled))
    return contact_sheet([labelled[row : row + columns] for row in range(0, len(labelled), columns)])


def coverage_plot(angles: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Yaw against pitch of every frame, `angles` (F, 3) degrees, coloured by jaw opening `jaw` (F,) radians."""
    side, limit = 480, max(45.0, float(np.abs(angles[:, :2]).max()) + 5)
    canvas = np.full((side, side, 3), 255, np.uint8)

    def place(degrees: float) -> int:
        return round((degrees / limit + 1) * side / 2)

    for tick in range(-int(limit) // 15 * 15, int(limit) + 1, 15):
        shade = (200, 200, 200) if tick else (120, 120, 120)
        cv2.line(canvas, (place(tick), 0), (place(tick), side), shade, 1)
        cv2.line(canvas, (0, place(tick)), (side, place(tick)), shade, 1)
        cv2.putText(canvas, str(tick), (place(tick) + 2, side - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (90, 90, 90), 1)
    for (yaw, pitch, _), opening in zip(angles, np.clip(jaw / 0.3, 0, 1)):
        colour = (int(40 + 215 * opening), 70, int(255 - 215 * opening))
        cv2.circle(canvas, (place(yaw), place(pitch)), 3, colour, -1, cv2.LINE_AA)
    caption = "yaw (right: to the subject's left) / pitch (down) in degrees; red: open jaw"
    cv2.putText(canvas, caption, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round((points * _TILE - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
