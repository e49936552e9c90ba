"""From what a suite says to what judges."""

from collections.abc import Callable, Sequence

from genaiops.api import evaluator as api
from genaiops.api.evaluator import EvaluatorType
from genaiops.evaluation import likeness, measured, scales
from genaiops.evaluation.container import Container
from genaiops.evaluation.judge import Judge
from genaiops.evaluation.judged import Graded, Pairwise
from genaiops.evaluation.judgement import Evaluator
from genaiops.evaluation.measured import Measured
from genaiops.evaluation.places import Places
from genaiops.evaluation.safety import AttackResisted, Guardrail
from genaiops.evaluation.text import Compared, Contains, ExactMatch, JSONSchema, Regex
from genaiops.evaluation.webhook import Webhook
from genaiops.guardrails.checks import Surroundings, judge_of

_MEASURES = {
    EvaluatorType.F1: likeness.f1,
    EvaluatorType.BLEU: likeness.bleu,
    EvaluatorType.GLEU: likeness.gleu,
    EvaluatorType.ROUGE: likeness.rouge,
    EvaluatorType.METEOR: likeness.meteor,
    EvaluatorType.LEVENSHTEIN: likeness.levenshtein,
    EvaluatorType.SIMILARITY: likeness.similarity,
}
_FIGURES = {
    EvaluatorType.LATENCY: measured.seconds,
    EvaluatorType.TOKENS: measured.tokens,
    EvaluatorType.COST: measured.cost,
}


def evaluators_of(
    specs: Sequence[api.Evaluator],
    judge: Callable[[str], Judge],
    places: Places,
    surroundings: Surroundings | None = None,
) -> dict[str, Evaluator]:
    """The evaluators by their names; `judge` gives the Model of a name, `places` has secrets and pipes.

    Without surroundings, detectors that ask a server can't be built. Raises ValueError that names the field where a
    pattern or a schema can't be read, a Model is missing, or a threshold is beyond the scale.
    """
    evaluators: dict[str, Evaluator] = {}
    for index, spec in enumerate(specs):
        try:
            evaluators[spec.name] = _evaluator(spec, judge, places, surroundings)
        except ValueError as error:
            raise ValueError(f"evaluators[{index}] ({spec.name}): {error}") from error
    return evaluators


def _evaluator(
    spec: api.Evaluator, judge: Callable[[str], Judge], places: Places, surroundings: Surroundings | None
) -> Evaluator:
    kind, ignore_case, threshold = spec.type, bool(spec.ignore_case), float(spec.limit or 0)
    _require_on_scale(spec)
    if kind in _MEASURES:
        return Compared(_MEASURES[kind], threshold)
    if kind in _FIGURES:
        return Measured(_FIGURES[kind], threshold)
    if spec.model is not None:
        return _judged(spec, judge(spec.model))
    match kind:
        case EvaluatorType.EXACT_MATCH:
            return ExactMatch(ignore_case)
        case EvaluatorType.CONTAINS:
            return Contains(ignore_case)
        case EvaluatorType.REGEX:
            assert spec.pattern is not None  # a rule of the API, as what other types need
            return Regex(spec.pattern, ignore_case)
        case EvaluatorType.JSON_SCHEMA:
            assert spec.json_schema is not None
            return JSONSchema(spec.json_schema)
        case EvaluatorType.GUARDRAIL:
            assert spec.detector is not None
            return Guardrail(judge_of(spec.name, spec.detector, "output", surroundings))
        case EvaluatorType.ATTACK_RESISTED:
            return AttackResisted()
        case EvaluatorType.WEBHOOK:
            assert spec.webhook is not None
            return Webhook(spec.webhook, threshold, places)
        case EvaluatorType.CONTAINER:
            assert spec.container is not None
            return Container(spec.name, spec.container, threshold, places)
    raise AssertionError(f"nobody judges {kind}")


def _require_on_scale(spec: api.Evaluator) -> None:
    """As the operator did: who runs this by hand has nobody who looked before."""
    if spec.scale and spec.threshold is not None and not spec.scale[0] <= spec.threshold <= spec.scale[1]:
        lowest, highest = spec.scale
        raise ValueError(f"threshold: scores go from {lowest} to {highest} here; correct {spec.threshold}")


def _judged(spec: api.Evaluator, judge: Judge) -> Evaluator:
    votes = spec.votes or 1
    if spec.type is EvaluatorType.PAIRWISE:
        return Pairwise(judge, spec.rubric, votes)
    scale = scales.own(spec.rubric) if spec.rubric is not None else scales.SCALES[spec.type]
    return Graded(judge, scale, votes, float(spec.limit or 0))
