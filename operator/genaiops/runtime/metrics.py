"""The runtime's metrics: OpenTelemetry's GenAI names in Prometheus form, and the project's own.

Names, units and bucket bounds of gen_ai_* follow the OpenTelemetry semantic conventions for generative AI metrics.
Every label is bounded, and every series exists from the start, so that a reader can tell zero from missing.
"""

from collections.abc import Iterable
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.api.release import ModelContent
from genaiops.providers.usage import Usage, usage_of
from genaiops.runtime.inflight import InFlight

DURATION_BUCKETS = tuple(round(0.01 * 2**n, 2) for n in range(14))
"""Seconds, 0.01 to 81.92."""
FIRST_TOKEN_BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds."""
TOKEN_BUCKETS = tuple(4**n for n in range(14))
"""Tokens, 1 to 67,108,864."""

REQUEST_TOKEN_BUCKETS = (*(digit * 10**power for power in range(6) for digit in (1, 2, 5)), 10**6)
"""Tokens of a request: round numbers, as people write thresholds."""
COST_BUCKETS = (*(float(f"{digit}e{power}") for power in range(-6, 2) for digit in (1, 2, 5)), 100.0)
"""Money, in the currency of the model's pricing."""

REQUEST_OUTCOMES = ("", "client_error", "timeout", "provider_error", "internal_error")
CALL_OUTCOMES = ("", "timeout", "provider_error")
RATINGS = ("up", "down")
SENDING_RESULTS = ("sent", "dropped", "failed")


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self, models: Iterable[ModelContent], policies: Iterable[GuardrailPolicySpec]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.request_duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Time from a chat completion request to the end of its answer.",
            ["error_type"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.in_flight = InFlight(DURATION_BUCKETS)
        registry.register(self.in_flight)
        self.time_to_first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from a streaming request to the first text that the caller got.",
            buckets=FIRST_TOKEN_BUCKETS,
            registry=registry,
        )
        self.call_duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time of one call of a model.",
            ["gen_ai_request_model", "error_type"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of one answered call, as the model's server counts them.",
            ["gen_ai_request_model", "gen_ai_token_type"],
            buckets=TOKEN_BUCKETS,
            registry=registry,
        )
        self.answers = Counter(
            "genaiops_answers",
            "Model answers that went through the output guardrails, by whether one of them found something.",
            ["violated"],
            registry=registry,
        )
        self.guarded_requests = Counter(
            "genaiops_guarded_requests",
            "Requests that were blocked by a guardrail, or answered without.",
            ["blocked"],
            registry=registry,
        )
        self.guardrail_decisions = Counter(
            "genaiops_guardrail_decisions",
            "Requests or answers in which a guardrail found something, by what it did (or would have, with dry_run).",
            ["guardrail", "stage", "action", "dry_run"],
            registry=registry,
        )
        self.guardrail_errors = Counter(
            "genaiops_guardrail_errors",
            "Checks that failed or took too long.",
            ["guardrail", "stage"],
            registry=registry,
        )
        self.repairs = Counter(
            "genaiops_repairs",
            "Answers that broke their schema and were asked for once more, by whether that helped.",
            ["guardrail", "repaired"],
            registry=registry,
        )
        self.request_tokens = Histogram(
            "genaiops_request_tokens",
            "Tokens of an answered request, read and written.",
            buckets=REQUEST_TOKEN_BUCKETS,
            registry=registry,
        )
        self.request_cost = Histogram(
            "genaiops_request_cost",
            "Price of an answered request.",
            ["currency"],
            buckets=COST_BUCKETS,
            registry=registry,
        )
        self.cost = Counter(
            "genaiops_cost", "Price of the tokens.", ["currency", "gen_ai_request_model"], registry=registry
        )
        self.shadow_requests = Counter(
            "genaiops_shadow_requests",
            "Chat completions whose answers were thrown away; every other metric counts them too.",
            registry=registry,
        )
        self.shadow_tokens = Counter(
            "genaiops_shadow_tokens",
            "Tokens of answers that were thrown away; gen_ai_client_token_usage counts them too.",
            ["gen_ai_request_model", "gen_ai_token_type"],
            registry=registry,
        )
        self.shadow_cost = Counter(
            "genaiops_shadow_cost",
            "Price of answers that were thrown away; genaiops_cost counts it too.",
            ["currency", "gen_ai_request_model"],
            registry=registry,
        )
        self.feedback = Counter(
            "genaiops_feedback",
            "Ratings that callers gave, by the release whose answer they are of.",
            ["rating", "release"],
            registry=registry,
        )
        self.feedback_sent = Counter(
            "genaiops_feedback_sent",
            "Feedback for the app's collector, by what became of it.",
            ["result"],
            registry=registry,
        )
        self.samples = Counter(
            "genaiops_samples",
            "Answers that were drawn to be sampled, by what became of them.",
            ["result"],
            registry=registry,
        )
        self.spans = Counter(
            "genaiops_spans",
            "Spans of traced requests, by what became of them.",
            ["result"],
            registry=registry,
        )
        self.retries = Counter("genaiops_retries", "Calls of a model that were tried again.", registry=registry)
        self.fallbacks = Counter("genaiops_fallbacks", "Times that the next model was asked.", registry=registry)

        for outcome in REQUEST_OUTCOMES:
            self.request_duration.labels(outcome)
        for violated in ("true", "false"):
            self.answers.labels(violated)
        for blocked in ("true", "false"):
            self.guarded_requests.labels(blocked)
        for result in SENDING_RESULTS:
            self.feedback_sent.labels(result)
            self.samples.labels(result)
            self.spans.labels(result)
        for model in models:
            for outcome in CALL_OUTCOMES:
                self.call_duration.labels(model.name, outcome)
            for token_type in ("input", "output"):
                self.tokens.labels(model.name, token_type)
                self.shadow_tokens.labels(model.name, token_type)
            if model.pricing:
                self.cost.labels(model.pricing.currency, model.name)
                self.request_cost.labels(model.pricing.currency)
                self.shadow_cost.labels(model.pricing.currency, model.name)
        for policy in policies:
            for stage, guardrails in (("input", policy.input), ("output", policy.output)):
                for guardrail in guardrails:
                    dry_run = "true" if guardrail.dry_run else "false"
                    self.guardrail_decisions.labels(guardrail.name, stage, guardrail.action.value, dry_run)
                    self.guardrail_errors.labels(guardrail.name, stage)
                    if guardrail.detector.repair:
                        for repaired in ("true", "false"):
                            self.repairs.labels(guardrail.name, repaired)

    def called(self, model: str, outcome: str, seconds: float) -> None:
        """Count one call of a model."""
        self.call_duration.labels(model, outcome).observe(seconds)

    def count_usage(self, calls: Iterable[tuple[ModelContent, object]], *, shadow: bool) -> None:
        """Tokens and cost of one answer: of each call of a model that it took, and of the request as a whole.

        From the `usage` of the OpenAI protocol; counts nothing without numbers.
        """
        counted = [(model, used) for model, told in calls if (used := self.count_call(model, told, shadow=shadow))]
        if not counted:
            return
        self.request_tokens.observe(sum(used.read + used.written for _, used in counted))
        prices: dict[str, Decimal] = {}
        for model, used in counted:
            if pricing := model.pricing:
                prices[pricing.currency] = prices.get(pricing.currency, Decimal(0)) + used.cost(pricing)
        for currency, price in prices.items():
            self.request_cost.labels(currency).observe(float(price))

    def count_call(self, model: ModelContent, usage: object, *, shadow: bool) -> Usage | None:
        """Tokens and cost of one call, whatever it was for.

        Those of a shadow request are counted once more by themselves: whoever passes a request off as one, inside the
        cluster and past the gateway, evades nothing.
        """
        if (used := usage_of(usage)) is None:
            return None
        read, written = used.read, used.written
        self.tokens.labels(model.name, "input").observe(read)
        self.tokens.labels(model.name, "output").observe(written)
        if shadow:
            self.shadow_tokens.labels(model.name, "input").inc(read)
            self.shadow_tokens.labels(model.name, "output").inc(written)
        if model.pricing:
            price = float(used.cost(model.pricing))
            self.cost.labels(model.pricing.currency, model.name).inc(price)
            if shadow:
                self.shadow_cost.labels(model.pricing.currency, model.name).inc(price)
        return used
