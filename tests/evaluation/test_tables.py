"""Tables as people and as programs read them."""

from pegasus_jax.evaluation.tables import Row, Table, merged
from pegasus_jax.evaluation.weights import NotComputed

MISSING = NotComputed("net.onnx in the assets folder")
TABLE = Table(
    "Held-out frames.",
    ("clip", "picture"),
    (
        Row(("a", "tracked"), {"psnr": 20.0, "iou": 0.5, "identity": MISSING}),
        Row(("b", "tracked"), {"psnr": 21.237, "frames": 12, "identity": MISSING}),
    ),
)


def test_a_table_has_a_column_for_every_figure_and_each_reason_once():
    assert TABLE.markdown().splitlines() == [
        "Held-out frames.",
        "",
        "| clip | picture | psnr | iou | identity | frames |",
        "|---|---|---|---|---|---|",
        "| a | tracked | 20.00 | 0.5000 | not computed |  |",
        "| b | tracked | 21.24 |  | not computed | 12 |",
        "",
        "- identity: not computed: needs net.onnx in the assets folder",
    ]


def test_figures_may_lead():
    rows = (Row(("a",), {"published": 181.6}), Row(("b",), {"ours": 0.5, "published": 1.0}))
    lines = Table("", ("method",), rows, leading=("ours", "nobody's")).markdown().splitlines()
    assert lines[2:] == [
        "| method | ours | published |",
        "|---|---|---|",
        "| a |  | 181.60 |",
        "| b | 0.5000 | 1.0000 |",
    ]


def test_records_are_plain_values():
    assert TABLE.records()[1] == {
        "clip": "b",
        "picture": "tracked",
        "psnr": 21.237,
        "frames": 12,
        "identity": "not computed: needs net.onnx in the assets folder",
    }


def test_tables_of_several_runs_are_one():
    both = merged({"one": TABLE, "two": TABLE}, header="run")
    assert both.headers == ("run", "clip", "picture")
    assert [row.names[:2] for row in both.rows] == [("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")]
