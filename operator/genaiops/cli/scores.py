"""Evaluations for a terminal: what a run found, as data and as tables. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from genaiops.api.evaluation import EvaluationPhase, EvaluationSummary
from genaiops.cli.cluster import Raw
from genaiops.cli.failure import Failure, Refused
from genaiops.cli.progress import View
from genaiops.cli.words import coloured

_SPEC: Final = ("app", "suite", "release", "baseline", "purpose")
_STATUS: Final = (
    *("phase", "progress", "message", "cachedFrom", "suiteHash", "datasetHash", "tokens", "cost"),
    *("startedAt", "finishedAt"),
)


def view(evaluation: Raw) -> View:
    """All about one run; what is not known yet is null, what there is none of is empty."""
    spec, status = evaluation["spec"], evaluation.get("status") or {}
    return {
        "name": evaluation["metadata"]["name"],
        **{name: spec.get(name) for name in _SPEC},
        **{name: status.get(name) for name in _STATUS},
        "evaluators": status.get("evaluators") or [],
        "worst": status.get("worst") or [],
    }


def finished(seen: View) -> bool:
    """Whether nothing more will happen."""
    return seen["phase"] in ("Passed", "Failed", "Error")


def require_passed(seen: View) -> str:
    """What a run that passed says. Raises Refused where the release failed, Failure where there is no result."""
    said = f"{seen['name']} {seen['phase']}: {seen['message'] or 'no reason given'}"
    if seen["phase"] == EvaluationPhase.FAILED:
        raise Refused(said)
    if seen["phase"] != EvaluationPhase.PASSED:
        raise Failure(said)
    return said


def line(seen: View) -> str:
    """How far a run is, in a line."""
    parts = [seen["phase"] or "Pending", seen["progress"] or "", seen["message"] or ""]
    return f"{seen['name']}: {' '.join(part for part in parts if part)}"


def results(seen: View) -> Table:
    """One line for each evaluator."""
    table = _table("EVALUATOR", "RESULT", "PASS", "INTERVAL", "STABLE", "DIFFERENCE", "SCORE", "NOT JUDGED")
    for each in seen["evaluators"]:
        table.add_row(
            Text(each["name"]),
            coloured("Passed" if each["ok"] else "Failed"),
            Text(_passed(each)),
            Text(_range(each, "lower", "upper")),
            Text("" if each.get("stablePassed") is None else f"{each['stablePassed']} pass"),
            Text(_difference(each)),
            Text(str(each.get("score") or "")),
            Text(str(each.get("errors") or "")),
        )
    return table


def worst(seen: View) -> Table:
    """The rows that went worst."""
    table = _table("WORST ROW", "EVALUATOR", "SCORE", "WHY")
    for row in seen["worst"]:
        table.add_row(
            Text(row["id"]), Text(row["evaluator"]), Text(str(row.get("score") or "")), Text(row.get("reason") or "")
        )
    return table


def side_by_side(first: View, second: View) -> Table:
    """Two runs: what each evaluator says in one and in the other."""
    table = _table("EVALUATOR", *(f"{seen['name']} ({seen['release']})" for seen in (first, second)), "CHANGE")
    ours, theirs = ({each["name"]: each for each in seen["evaluators"]} for seen in (first, second))
    table.add_row(Text(""), coloured(first["phase"]), coloured(second["phase"]), Text(""))
    for name in dict.fromkeys([*ours, *theirs]):
        cells = (name, _in_one(ours.get(name)), _in_one(theirs.get(name)), _change(ours, theirs, name))
        table.add_row(*map(Text, cells))
    return table


def caveats(first: View, second: View) -> list[str]:
    """Why the numbers of two runs may not be comparable."""
    names = {"suiteHash": "suites", "datasetHash": "rows"}
    return [
        f"the two runs had different {what}: their numbers are not of the same questions"
        for field, what in names.items()
        if first[field] and second[field] and first[field] != second[field]
    ]


def summary(seen: View) -> EvaluationSummary:
    """As the run's pod told it. Raises Failure where another version of the operator wrote it."""
    done, _, total = (seen["progress"] or "0/0").partition("/")
    fields = ("phase", "message", "datasetHash", "evaluators", "worst", "tokens", "cost")
    told = {name: seen[name] for name in fields if seen[name] is not None}
    try:
        return EvaluationSummary.model_validate({"done": done, "total": total, **told}, extra="ignore")
    except ValueError as error:
        raise Failure(f"another version of genaiops wrote {seen['name']}; use that one ({error})") from error


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(Text(column))
    return table


def _share(each: Mapping[str, Any]) -> Decimal | None:
    return Decimal(each["passed"]) / each["judged"] if each.get("judged") else None


def _passed(each: Mapping[str, Any]) -> str:
    share = _share(each)
    return "" if share is None else f"{_percent(share)} % of {each['judged']}"


def _in_one(each: Mapping[str, Any] | None) -> str:
    if each is None:
        return "not asked"
    return f"{_passed(each)} ({_range(each, 'lower', 'upper')})" if each.get("judged") else "no answer judged"


def _change(ours: Mapping[str, Any], theirs: Mapping[str, Any], name: str) -> str:
    before, after = (_share(of[name]) if name in of else None for of in (ours, theirs))
    return "" if before is None or after is None else f"{_percent(after - before, sign=True)} points"


def _difference(each: Mapping[str, Any]) -> str:
    if each.get("difference") is None:
        return ""
    bounds = _range(each, "differenceLower", "differenceUpper", sign=True)
    return f"{_percent(Decimal(each['difference']), sign=True)} points ({bounds})"


def _range(each: Mapping[str, Any], lower: str, upper: str, *, sign: bool = False) -> str:
    if each.get(lower) is None or each.get(upper) is None:
        return ""
    low, high = (f"{Decimal(each[bound]) * 100:{'+' if sign else ''}.0f}" for bound in (lower, upper))
    return f"{low} to {high} %"


def _percent(value: Decimal, *, sign: bool = False) -> str:
    return f"{value * 100:{'+' if sign else ''}.1f}".removesuffix(".0")
