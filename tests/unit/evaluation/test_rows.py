"""Files of datasets as people write them."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.api.dataset import DatasetFormat, Row
from genaiops.evaluation import rows as limits
from genaiops.evaluation.rows import DatasetError, parse

JSONL, CSV = DatasetFormat.JSONL, DatasetFormat.CSV


def refused(content: str | bytes, form: DatasetFormat = JSONL) -> str:
    """What is said of a dataset that can't be used."""
    with pytest.raises(DatasetError) as error:
        parse(content.encode() if isinstance(content, str) else content, form)
    return str(error.value)


def test_lines_of_json_are_rows() -> None:
    content = (
        '{"id": "greeting", "query": "Hi", "expected": "Hello", "context": "polite", "tags": ["en"], '
        '"variables": {"name": "Ann", "age": 7, "new": true}}\n'
        "\n"
        '{"input": "Bye", "ground_truth": "So long", "tags": "en; end", "source": "crm", "context": null}'
    )

    parsed = parse(content.encode(), JSONL)

    assert parsed.rows == [
        Row(
            id="greeting",
            query="Hi",
            expected="Hello",
            context="polite",
            tags=["en"],
            variables={"name": "Ann", "age": "7", "new": "true"},
        ),
        Row(id="3", query="Bye", expected="So long", tags=["en", "end"]),
    ]
    assert parsed.ignored == {"source"}


def test_a_table_is_rows_and_a_row_is_called_by_its_first_line() -> None:
    content = (
        "input,expected_output,tags,variables\r\n"
        '"What is\r\nthis?",A thing,"a;b","{""name"": ""Ann""}"\r\n'
        "And that?,,,\r\n"
    )

    assert parse(content.encode(), CSV).rows == [
        Row(id="2", query="What is\r\nthis?", expected="A thing", tags=["a", "b"], variables={"name": "Ann"}),
        Row(id="4", query="And that?"),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert parse(b"\xef\xbb\xbfquery\nHi\n", CSV).rows == [Row(id="2", query="Hi")]
    assert parse(b'\xef\xbb\xbf{"query": "Hi"}\n', JSONL).rows == [Row(id="1", query="Hi")]


def test_every_bad_line_is_told_with_what_is_wrong() -> None:
    content = b"\n".join(
        [
            b'{"query": "fine"}',
            b'{"query": "cut off',
            b'["no object"]',
            b'{"expected": "no question"}',
            b'{"query": 7}',
            b'{"query": "Hi", "variables": {"who": ["a", "list"]}}',
            b'{"id": "1", "query": "the first row has this id"}',
            b'{"query": "a", "input": "b"}',
            b'{"query": "\xff"}',
        ]
    )

    said = refused(content)

    assert said.startswith("8 of 9 rows can't be used: ")
    for part in (
        "line 2: is no JSON: ",
        "line 3: is no JSON object",
        "line 4: has no query (or input)",
        "line 5: query: Input should be a valid string",
        "line 6: variables.who: write a text, a number or a boolean",
        "line 7: id '1' is that of line 1, too",
        "line 8: has query twice, under two names",
        "line 9: is no UTF-8 at byte 12",
    ):
        assert part in said


def test_of_many_bad_lines_the_first_twenty_are_named() -> None:
    said = refused("{}\n" * 30)

    assert said.startswith("30 of 30 rows can't be used: line 1: ")
    assert "line 20: " in said
    assert "line 21: " not in said
    assert said.endswith("; and 10 more")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("query,expected\nWhy, oh why,Because\n", "line 2: has 3 cells, the header 2; quote cells that hold commas"),
        ('query\n"open', "line 2: is no CSV"),
        ("expected\nHi\n", "line 1: the header has no column query (or input)"),
        ("query;expected\nHi;Hello\n", "separate columns by commas"),
        ("query,input\na,b\n", "line 1: the header has more than one column for query; leave one"),
        ('query,variables\nHi,"{"\n', "line 2: variables: is no JSON"),
        ("", "line 1: the header has no column query"),
        ("query\n", "the dataset is empty"),
    ],
)
def test_a_bad_table_is_told(content: str, said: str) -> None:
    assert said in refused(content, CSV)


def test_an_empty_file_and_one_in_another_encoding_are_told() -> None:
    assert refused("\n \n") == "the dataset is empty; write at least one row"
    assert refused("query\nGrüße".encode("utf-16")) == "the dataset is UTF-16; save it as UTF-8"
    assert refused("query\nGrüße".encode("latin-1"), CSV) == "line 2: the dataset is no UTF-8; save it as UTF-8"


def test_there_are_no_more_rows_than_a_run_can_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ROWS", 3)

    assert len(parse(b'{"query": "a"}\n' * 3, JSONL).rows) == 3
    assert refused('{"query": "a"}\n' * 4) == "the dataset has more than 3 rows; split it"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40)
questions = st.lists(texts, min_size=1, max_size=8)


@given(questions)
def test_whatever_is_written_is_read(asked: list[str]) -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["query"], *([text] for text in asked)])
    lines = "\n".join(json.dumps({"query": text}, ensure_ascii=False) for text in asked)

    assert [row.query for row in parse(table.getvalue().encode(), CSV).rows] == asked
    assert [row.query for row in parse(lines.encode(), JSONL).rows] == asked


@given(st.binary(max_size=300), st.sampled_from(DatasetFormat))
def test_no_file_ends_in_anything_but_rows_or_a_reason(content: bytes, form: DatasetFormat) -> None:
    told = ""
    try:
        told = parse(content, form).rows[0].id
    except DatasetError as error:
        told = str(error)
    assert told
