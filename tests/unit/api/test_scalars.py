"""Durations, decimals, quantities and times, as people write them in a manifest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from genaiops.api.base import (
    Duration,
    NonNegative,
    Quantity,
    Rate,
    ResourceRequirements,
    Signed,
    Time,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("1h30m", 5400), ("1.5h", 5400), ("0s", 0), ("1m0s", 60)]
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "1d", "-1s", "1 s", "1h30", "9999999h", 30, None, True])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration: write a number and a unit"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=999_999 * 3_600_000))
def test_a_written_duration_reads_the_same(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds)
    assert TypeAdapter(Duration).validate_python(format_duration(value)) == value


@pytest.mark.parametrize(
    ("written", "meant"), [(0.1, "0.1"), ("0.1", "0.1"), (1, "1"), ("1.0", "1"), (1e-7, "0.0000001"), (0, "0")]
)
def test_a_decimal_is_exactly_what_was_written(written: Any, meant: str) -> None:
    share = TypeAdapter(Rate)
    assert share.validate_python(written) == Decimal(meant)
    assert share.dump_python(share.validate_python(written), mode="json") == meant


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (Rate, "1.1"),
        (Rate, 1.1),
        (Rate, -0.1),
        (Rate, True),
        (Rate, "NaN"),
        (Rate, {}),
        (NonNegative, "-1"),
        (NonNegative, "Infinity"),
        (NonNegative, float("inf")),
        (NonNegative, "a lot"),
        (Signed, False),
        (Signed, "NaN"),
    ],
)
def test_what_is_no_such_decimal_is_refused(kind: Any, written: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(written)


def test_resources_are_written_with_or_without_quotes() -> None:
    parsed = ResourceRequirements.model_validate({"requests": {"cpu": 0.5, "memory": "2Gi"}, "limits": {"cpu": 1}})
    assert parsed.to_manifest() == {"requests": {"cpu": "0.5", "memory": "2Gi"}, "limits": {"cpu": "1"}}


@pytest.mark.parametrize("written", ["lots", "-1", True, "", "1 Gi", None])
def test_what_is_no_quantity_is_refused(written: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(written)


def test_a_time_survives_unrounded() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
    times = TypeAdapter(Time)
    assert times.dump_python(moment) == "2026-11-23T12:00:00.123456Z"
    assert times.validate_python(times.dump_python(moment)) == moment
