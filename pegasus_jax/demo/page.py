"""A results page: one index.html beside its pictures and videos, which opens from disk without a server."""

import dataclasses
import html
import os
import pathlib
from collections.abc import Sequence

from pegasus_jax import atomic
from pegasus_jax.errors import UserError

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5d6678; --paper: #f6f5f2; --card: #ffffff;
  --line: #dfdcd5; --accent: #8a4b2a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --soft: #a3a9b5; --paper: #16181d; --card: #1f232b; --line: #343a46; --accent: #e0a27e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 2.2rem; line-height: 1.2; margin: 0 0 2rem; letter-spacing: -0.02em; }
h2 { font-size: 1.3rem; margin: 0 0 .5rem; color: var(--accent); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.5rem 1.75rem; margin: 0 0 1.5rem; }
p { margin: 0 0 1rem; max-width: 46rem; }
.items { display: flex; flex-wrap: wrap; gap: 1.25rem; align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
img, video { display: block; max-width: 100%; height: auto; border-radius: 8px; border: 1px solid var(--line);
  background: #ffffff; }
figcaption, caption { color: var(--soft); font-size: .9rem; margin-top: .4rem; text-align: left; }
caption { caption-side: bottom; padding-top: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .9rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 600; }
"""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture file; `path` is relative to the page's folder."""

    path: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Video:
    """A video file that plays in a loop; `path` is relative to the page's folder."""

    path: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of figures; the first column names the rows. Floats are shown with two decimals."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """A card of the page."""

    title: str
    text: str = ""
    items: Sequence[Picture | Video | Table] = ()


def write_page(folder: str | os.PathLike, *, title: str, sections: Sequence[Section]) -> pathlib.Path:
    """Writes `folder/index.html`.

    Args:
        folder: holds the files that the sections name.
        title: of the page.
        sections: from top to bottom.

    Returns:
        The page's path.

    Raises:
        UserError: a picture or video is not in the folder.
    """
    folder = pathlib.Path(folder)
    body = "\n".join(_section(folder, section) for section in sections)
    heading = html.escape(title)
    path = folder / "index.html"
    with atomic.file(path) as temporary:
        temporary.write_text(
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{heading}</title>\n'
            f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{heading}</h1>\n{body}\n</main>\n</body>\n</html>\n",
            encoding="utf-8",
        )
    return path


def _section(folder: pathlib.Path, section: Section) -> str:
    text = f"<p>{html.escape(section.text)}</p>\n" if section.text else ""
    items = "\n".join(_item(folder, item) for item in section.items)
    return f'<section>\n<h2>{html.escape(section.title)}</h2>\n{text}<div class="items">\n{items}\n</div>\n</section>'


def _item(folder: pathlib.Path, item: Picture | Video | Table) -> str:
    if isinstance(item, Table):
        return _table(item)
    source = html.escape(_relative(folder, item.path), quote=True)
    caption = html.escape(item.caption, quote=True)
    if isinstance(item, Video):
        shown = f'<video src="{source}" controls loop muted autoplay playsinline></video>'
    else:
        shown = f'<img src="{source}" alt="{caption}">'
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in table.columns)
    rows = "\n".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in table.rows)
    caption = f"<caption>{html.escape(table.caption)}</caption>" if table.caption else ""
    return (
        f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'
    )


def _cell(value: str | int | float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else html.escape(str(value))


def _relative(folder: pathlib.Path, name: str) -> str:
    """A page must keep working when its folder is moved, so files outside of it are refused."""
    plain = pathlib.PurePosixPath(os.path.normpath(name))
    if plain.is_absolute() or plain.parts[0] == ".." or not (folder / plain).is_file():
        raise UserError(f"The page in {folder} names {name!r}, which is not a file in that folder.")
    return plain.as_posix()
