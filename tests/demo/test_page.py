import html.parser

import pytest

from pegasus_jax.demo.page import Picture, Section, Table, Video, write_page
from pegasus_jax.errors import UserError


class Outline(html.parser.HTMLParser):
    """Collects tags, their attributes, and checks that every tag is closed in order."""

    _EMPTY = frozenset({"meta", "img"})

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self._EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data.strip())

    def attributes(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


@pytest.fixture
def outline(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("figures/sheet.png", "turn.mp4"):
        (tmp_path / name).write_bytes(b"x")
    items = [
        Picture("figures/sheet.png", 'held out: truth "<" render'),
        Video("./turn.mp4"),
        Table(["", "PSNR", "points"], [["ours <b>", 25.123, 6400]], caption="Held-out frames"),
    ]
    path = write_page(tmp_path, title="Ada & co", sections=[Section("Result", "Text <i>", items)])
    assert path == tmp_path / "index.html"
    return Outline(path.read_text())


def test_page_is_well_formed_and_complete(outline):
    assert outline.open == []
    assert [i["src"] for i in outline.attributes("img")] == ["figures/sheet.png"]
    assert [v["src"] for v in outline.attributes("video")] == ["turn.mp4"]
    assert {"Ada & co", "Result", "Text <i>", "25.12", "6400", "ours <b>", "Held-out frames"} <= set(outline.words)


def test_nothing_is_loaded_from_elsewhere(outline):
    values = [value for _, attributes in outline.seen for value in attributes.values() if value]
    assert not any("//" in value for value in values)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in outline.seen}


@pytest.mark.parametrize("name", ["missing.png", "../outside.png", "/etc/hostname"])
def test_files_that_are_not_in_the_folder_are_refused(tmp_path, name):
    folder = tmp_path / "page"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(b"x")
    with pytest.raises(UserError, match="which is not a file in that folder"):
        write_page(folder, title="t", sections=[Section("s", items=[Picture(name)])])
    assert not (folder / "index.html").exists()
