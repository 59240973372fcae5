"""Tables that users made, as spreadsheets and scripts write them."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome.files import AnnotationError, read_own_table

COLUMNS = ["position_1based", "strand", "source"]
ROWS = [["5", "+", "a"], ["9", "-", "b"]]


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr("xl/workbook.xml", "")
    return written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "position_1based\tstrand\tsource\n5\t+\ta\n9\t-\tb\n",
        "position_1based,strand,source\n5,+,a\n9,-,b\n",
        "position_1based;strand;source\n5;+;a\n9;-;b\n",
        "\ufeffposition_1based\tstrand\tsource\r\n5\t+\ta\r\n9\t-\tb\r\n",
        "position_1based\tstrand\tsource\r5\t+\ta\r9\t-\tb\r",
        "\n# made by hand\nposition_1based\tstrand\tsource\n5\t+\ta\n\n# a remark\n9\t-\tb\n",
        "#position_1based\tstrand\tsource\n5\t+\ta\n9\t-\tb\n",
        "Position_1based \tSTRAND\tSource\n5\t+ \ta\n9\t-\tb\n",
        '"position_1based"\t"strand"\t"source"\n5\t"+"\t"a"\n"9"\t-\tb\n',
        "id\tsource\tposition_1based\tnote\tstrand\nx\ta\t5\tq\t+\ny\tb\t9\t\t-\n",
        "position_1based\tstrand\tsource\n5\t+\ta\t\n9\t-\tb\t\t\n",
    ],
)
def test_the_same_rows_however_they_are_written(tmp_path, text):
    (tmp_path / "t.tsv").write_bytes(text.encode())
    table = read_own_table(tmp_path / "t.tsv", COLUMNS)
    assert table.to_numpy().tolist() == ROWS
    assert list(table) == COLUMNS


def test_rows_keep_the_number_of_their_line(tmp_path):
    (tmp_path / "t.tsv").write_text("\n# a\nposition_1based,strand,source\n\n5,+,a\n\n9,-,b\n")
    assert list(read_own_table(tmp_path / "t.tsv", COLUMNS).index) == [5, 7]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty; its first line should name the columns"),
        (b"# only a remark\n", "empty"),
        (b"position_1based\tstrand\tsource\n", "no rows"),
        (b"position\tstrand\tsource\n1\t+\ta\n", "line 1: column 'position_1based' is missing"),
        (b"position_1based,strand,source,strand\n5,+,a,-\n", "'strand' is there 2 times"),
        (b"position_1based,strand,source\n5,+,a\n9,-\n", "line 3: 2 columns instead of 3"),
        (b"position_1based,strand,source\n#5,+,a\n9,-,b\n", "line 2: a row that begins with '#'"),
        (b"position_1based,strand,source\n5,+,\xe9\n", "line 2: not utf-8 text; save it as UTF-8"),
        ("position_1based,strand\n".encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (archive(), "a zip archive or a spreadsheet"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, data, says):
    path = tmp_path / "t.tsv"
    path.write_bytes(data)
    with pytest.raises(AnnotationError, match=says) as caught:
        read_own_table(path, COLUMNS)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


WORDS = ["position_1based", "strand", "source", "\t", ",", ";", '"', "\n", "#", "5", "+", " ", "a"]


@given(st.one_of(st.binary(max_size=120), st.lists(st.sampled_from(WORDS)).map("".join)))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "t.tsv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    try:
        table = read_own_table(path, COLUMNS)
    except AnnotationError as error:
        assert str(path) in str(error)
    else:
        assert len(table)
