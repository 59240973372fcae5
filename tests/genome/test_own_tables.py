"""Tables that users made, as spreadsheets and scripts write them."""

from __future__ import annotations

import pytest

from genoattn.genome.files import read_own_table

COLUMNS = ["position_1based", "strand", "source"]
ROWS = [["5", "+", "a"], ["9", "-", "b"]]


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
