"""The spans of a request, by OpenTelemetry's semantic conventions. Imported only where the app has `tracing`.

HTTP: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
Calls of models: https://github.com/open-telemetry/semantic-conventions-genai
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from time import perf_counter, time_ns
from typing import Any, Final
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode, Tracer, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from genaiops.api.release import ModelContent
from genaiops.api.tracing import TracingSettings
from genaiops.api.traffic import CONVERSATION_HEADER
from genaiops.guardrails import Report
from genaiops.guardrails.checks import Stage
from genaiops.providers.provider import ProviderError
from genaiops.providers.usage import usage_of
from genaiops.runtime.config import Release
from genaiops.runtime.errors import ErrorType
from genaiops.runtime.outbox import Outbox
from genaiops.runtime.transcript import Transcript
from genaiops.runtime.words import Words, as_attributes, words_of

# What a caller's header has wrong would be in the log, word by word, for each of its requests.
logging.getLogger("opentelemetry").setLevel(logging.ERROR)

ROUTE: Final = "/v1/chat/completions"
_CARRIED: Final = ("traceparent", "tracestate")
_CONVERSATION: Final = CONVERSATION_HEADER.encode()
_LONGEST: Final = 256
"""Characters of a value that a caller or a model's server chose."""
_INT64: Final = 2**63 - 1
"""OTLP has no larger number."""
_NUMBERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
}
_PROPAGATOR: Final = TraceContextTextMapPropagator()
# Said here, all of them: what is left out the SDK takes from the environment.
_LIMITS: Final = SpanLimits(
    max_attributes=64,
    max_events=128,
    max_links=1,
    max_span_attributes=64,
    max_event_attributes=16,
    max_link_attributes=1,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A span that is over and waits to be sent."""

    span: Span
    at: int
    """When it ended, in nanoseconds since 1970."""
    words: Words | None = None

    @property
    def size(self) -> int:
        """Characters of its words."""
        return self.words.size if self.words else 0

    def wordless(self) -> "Finished":
        """The span alone."""
        return replace(self, words=None)


class Spans:
    """Begins the spans of one release, by one version of the settings."""

    def __init__(self, release: Release, settings: TracingSettings, outbox: Outbox) -> None:
        about = {
            "service.name": release.spec.app,
            "service.namespace": settings.namespace,
            "service.version": release.name,
            "k8s.namespace.name": settings.namespace,
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
        }
        if pod := os.environ.get("POD_NAME"):
            about["k8s.pod.name"] = about["service.instance.id"] = pod
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(float(settings.sample_rate))),
            resource=Resource(about),
            span_limits=_LIMITS,
            shutdown_on_exit=False,
        )
        self._tracer = provider.get_tracer("genaiops.runtime")
        self._outbox = outbox
        self._content = settings.content
        self._same = {
            "http.request.method": "POST",
            "http.route": ROUTE,
            "url.path": ROUTE,
            "url.scheme": "http",
            "genaiops.release": release.name,
            "genaiops.prompt.version": release.spec.source.prompt_version,
        }

    def begin(self, headers: Mapping[bytes, bytes], request_id: str) -> "RequestSpan":
        """The span of a chat completion, in the trace of its caller where it comes with one."""
        carried = {name: headers[key].decode("latin-1") for name in _CARRIED if (key := name.encode()) in headers}
        parent = _PROPAGATOR.extract(carried, Context())
        span = self._tracer.start_span(f"POST {ROUTE}", parent, SpanKind.SERVER)
        more = {**self._same, "genaiops.request.id": request_id}
        if conversation := headers.get(_CONVERSATION):
            more["gen_ai.conversation.id"] = conversation.decode("latin-1")[:_LONGEST]
        return RequestSpan(span, self._tracer, self._outbox, more, content=self._content)


class RequestSpan:
    """The span of one request, and what belongs below it."""

    def __init__(self, span: Any, tracer: Tracer, outbox: Outbox, more: dict[str, Any], *, content: bool) -> None:
        """`more`: attributes to be. `content`: by the settings, what was asked and answered is in the trace."""
        self._span = span
        self._tracer = tracer
        self._outbox = outbox
        self._more = more
        self._context = set_span_in_context(span, Context())
        self._recorded = span.is_recording()
        self._words: Words | None = None
        self.content = content and self._recorded
        """Whether what is asked and answered is wanted."""

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return format_trace_id(self._span.get_span_context().trace_id)

    def call(self, model: ModelContent, path: str, payload: Mapping[str, Any]) -> "CallSpan":
        """The span of a call of a model that begins now."""
        # "chat", as the conventions call it; what they have no name for is called as in the address.
        operation = "chat" if path == "chat/completions" else path.rpartition("/")[2]
        span = self._tracer.start_span(f"{operation} {model.model}", self._context, SpanKind.CLIENT)
        if span.is_recording():
            span.set_attributes(_of_call(operation, model, payload))
        return CallSpan(span, self._outbox, streams=bool(payload.get("stream")))

    def guarded(self, stage: Stage, report: Report) -> None:
        """What guardrails decided, and which of them failed."""
        if not self._recorded:
            return
        for decision in report.decisions.values():
            told: dict[str, Any] = {
                "genaiops.guardrail.name": decision.guardrail,
                "genaiops.guardrail.stage": stage,
                "genaiops.guardrail.action": decision.action.value,
                "genaiops.guardrail.dry_run": decision.dry_run,
                "genaiops.guardrail.kinds": sorted(decision.kinds),
            }
            if decision.score is not None:
                told["genaiops.guardrail.score"] = decision.score
            self._span.add_event("genaiops.guardrail", told)
        for guardrail in report.errors:
            failed = {"genaiops.guardrail.name": guardrail, "genaiops.guardrail.stage": stage}
            self._span.add_event("genaiops.guardrail.error", failed)

    def answered(self, transcript: Transcript, *, words: bool) -> None:
        """The caller has all of its answer. `words`: the transcript has them, and they may be sent."""
        self._more["genaiops.answer.id"] = transcript.id
        self._words = words_of(transcript) if words else None

    def end(self, status: int | None, outcome: ErrorType, *, shadow: bool) -> None:
        """The request is over; `status` is None where the caller was gone before there was one."""
        if not self._recorded:
            return
        self._more["genaiops.shadow"] = shadow
        if status is not None:
            self._more["http.response.status_code"] = status
        if outcome:
            self._more["error.type"] = outcome
        if outcome not in ("", "client_error"):
            self._span.set_status(StatusCode.ERROR)
        self._span.set_attributes(self._more)
        self._outbox.put(Finished(self._span, time_ns(), self._words))


class CallSpan:
    """See providers.CallTrace."""

    def __init__(self, span: Any, outbox: Outbox, *, streams: bool) -> None:
        self.headers: dict[str, str] = {}
        _PROPAGATOR.inject(self.headers, set_span_in_context(span, Context()))
        self._span = span
        self._outbox = outbox
        self._streams = streams
        self._recorded = span.is_recording()
        self._started = perf_counter()
        self._said: dict[str, Any] = {}
        self._finished_by: dict[Any, str] = {}

    def heard(self, said: Mapping[str, Any]) -> None:
        """As in CallTrace."""
        if not self._recorded:
            return
        if not self._said:
            if self._streams:
                self._said["gen_ai.response.time_to_first_chunk"] = perf_counter() - self._started
            for field, name in (("id", "gen_ai.response.id"), ("model", "gen_ai.response.model")):
                if isinstance(value := said.get(field), str):
                    self._said[name] = value[:_LONGEST]
        if used := usage_of(said.get("usage")):
            self._said["gen_ai.usage.input_tokens"] = min(used.read, _INT64)
            self._said["gen_ai.usage.output_tokens"] = min(used.written, _INT64)
        choices = said.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and isinstance(reason := choice.get("finish_reason"), str):
                self._finished_by[choice.get("index")] = reason[:_LONGEST]

    def ended(self, failure: ProviderError | None, *, finished: bool) -> None:
        """As in CallTrace."""
        if not self._recorded:
            return
        if self._finished_by:
            self._said["gen_ai.response.finish_reasons"] = list(self._finished_by.values())
        if failure:
            self._said["error.type"] = str(failure.status or failure.kind)
            self._span.set_status(StatusCode.ERROR, failure.message)
        elif not finished:
            self._said["genaiops.broken_off"] = True
        self._span.set_attributes(self._said)
        self._outbox.put(Finished(self._span, time_ns()))


def encoded(batch: Sequence[Finished]) -> bytes:
    """The body of a request that brings these spans to a receiver, personal data and credentials taken out of their
    words. Milliseconds."""
    for finished in batch:
        if finished.words:
            finished.span.set_attributes(as_attributes(finished.words))
        finished.span.end(finished.at)
    body: bytes = encode_spans([finished.span for finished in batch]).SerializeToString()
    return body


def rejected(answer: bytes) -> int:
    """How many spans the receiver did not take, by its answer; 0 where that says nothing."""
    try:
        spans: int = ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except DecodeError:
        return 0
    return spans


def _of_call(operation: str, model: ModelContent, payload: Mapping[str, Any]) -> dict[str, Any]:
    host, port = _address(model.endpoint)
    form = payload.get("response_format")
    as_json = isinstance(form, dict) and form.get("type") in ("json_object", "json_schema")
    return {
        "gen_ai.operation.name": operation,
        # By the wire protocol: whose server it is nobody here knows.
        "gen_ai.provider.name": model.provider.value.lower(),
        "gen_ai.request.model": model.model,
        "gen_ai.output.type": "json" if as_json else "text",
        "genaiops.model": model.name,
        "server.address": host,
        "server.port": port,
        **({"gen_ai.request.stream": True} if payload.get("stream") else {}),
        **dict(_numbers(payload)),
    }


def _numbers(payload: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for field, name in _NUMBERS.items():
        value = payload.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _INT64:
            yield name, value


@lru_cache(maxsize=64)
def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
