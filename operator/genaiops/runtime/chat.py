"""A chat completion from request to answer: prompt, input checks, model, output checks."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from genaiops.api.release import ModelContent, ReleaseContent
from genaiops.guardrails import BlockedError, DetectorError, Report
from genaiops.guardrails.vault import Vault
from genaiops.prompts import PromptTemplate, RenderError, VariableError
from genaiops.providers.provider import Provider, ProviderError
from genaiops.providers.sse import DONE
from genaiops.runtime import request as requests
from genaiops.runtime.answer import envelope
from genaiops.runtime.errors import ApiError, bad_request, content_filter, internal
from genaiops.runtime.failover import Failover
from genaiops.runtime.guards import Guards
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.repair import Repairs, asked_again
from genaiops.runtime.reply import Reply
from genaiops.runtime.request import ChatRequest
from genaiops.runtime.transcript import Transcript

Chunk = dict[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Call:
    """One request on its way."""

    request: ChatRequest
    reply: Reply
    request_id: str
    started: float
    """On the clock of perf_counter."""
    payload: Mapping[str, Any]
    """What the model is asked."""
    vault: Vault
    transcript: Transcript


class Chat:
    """Answers chat completions as one release says."""

    def __init__(self, content: ReleaseContent, failover: Failover, guards: Guards, metrics: Metrics) -> None:
        self._prompt = PromptTemplate(content.prompt)
        self._own = requests.own_fields(content)
        self._guards = guards
        self._repairs = Repairs(content.guardrails)
        self._failover = failover
        self._metrics = metrics

    async def answer(self, body: bytes, reply: Reply, request_id: str, transcript: Transcript) -> None:
        """Sends the answer, and notes it in the transcript.

        Raises ApiError where there is none, or where a stream breaks in the middle.
        """
        started = perf_counter()
        request = requests.parse(body)
        try:
            vault = await self._checked(request, request_id, transcript)
            # An answer that may have to be asked for twice is streamed when it is there.
            asked = replace(request, stream=False) if self._repairs else request
            payload = requests.payload(asked, self._prompt.render(request.variables), self._own)
            call = _Call(request, reply, request_id, started, payload, vault, transcript)
            try:
                await (self._stream(call) if asked.stream else self._whole(call))
            except ProviderError as error:
                raise await self._failure(error, call) from error
        except VariableError as error:
            raise bad_request(str(error), f"prompt.variables.{error.variable}") from error
        except RenderError as error:
            raise internal(f"the release's prompt can't be rendered: {error}", "prompt_error") from error
        except DetectorError as error:
            raise internal(error.message, "guardrail_error") from error

    async def _failure(self, error: ProviderError, call: _Call) -> ApiError:
        """What the caller gets when no model answered."""
        words = error.error.get("message")
        if not error.refused or not isinstance(words, str):
            return _api_error(error, error.message)
        # A server that says what is wrong with a request may quote it, the release's prompt with it.
        report = Report()
        try:
            words = await self._guards.of_answer(report, call.payload, call.request, call.vault).words(words)
        except (BlockedError, DetectorError):
            words = error.message
        finally:
            self._guards.count("output", report, call.request_id)
        return _api_error(error, words)

    async def _checked(self, request: ChatRequest, request_id: str, transcript: Transcript) -> Vault:
        report = Report()
        try:
            vault = await self._guards.check(request, report, request_id)
        except BlockedError as blocked:
            self._metrics.guarded_requests.labels("true").inc()
            raise content_filter(blocked.message) from blocked
        transcript.found(report)
        transcript.messages = request.messages
        return vault

    async def _whole(self, call: _Call) -> None:
        answer = await self._repaired(call) if self._repairs else await self._asked(call)
        report, blocked = Report(), False
        try:
            answer = await self._guards.of_answer(report, call.payload, call.request, call.vault).whole(answer)
        except BlockedError as error:
            answer, blocked = _withheld(answer, error.message), True
        finally:
            self._guards.count("output", report, call.request_id)
        self._guards.count_finished(report, blocked=blocked)
        call.transcript.found(report)
        if not call.request.stream:
            await call.reply.json(200, call.transcript.pass_on(answer))
            return
        await call.reply.start_stream()
        for chunk in _chunks(answer, usage=call.request.include_usage):
            await call.reply.event(call.transcript.pass_on(chunk))
        self._metrics.time_to_first_token.observe(perf_counter() - call.started)
        await call.reply.end_stream(DONE)

    async def _asked(self, call: _Call) -> Answer:
        model, answer = await self._ask(call.payload, call.request_id)
        self._metrics.count_usage([(model, answer.get("usage"))], shadow=call.transcript.shadow)
        call.transcript.used(answer.get("usage"))
        return answer

    async def _repaired(self, call: _Call) -> Answer:
        """The answer, or where it breaks a schema, the one that the model gives when told so."""
        model, answer = await self._ask(call.payload, call.request_id)
        usages = [(model, answer.get("usage"))]
        try:
            if fault := self._repairs.fault(answer):
                guardrail, problem = fault
                try:
                    model, better = await self._ask(asked_again(call.payload, answer, problem), call.request_id)
                except ProviderError:
                    # There is an answer, and the guardrail decides what becomes of it.
                    self._metrics.repairs.labels(guardrail, "false").inc()
                    return answer
                usages.append((model, better.get("usage")))
                helped = self._repairs.fault(better) is None
                self._metrics.repairs.labels(guardrail, "true" if helped else "false").inc()
                answer = better
            return answer
        finally:
            self._metrics.count_usage(usages, shadow=call.transcript.shadow)
            for _, usage in usages:
                call.transcript.used(usage)

    async def _ask(self, payload: Mapping[str, Any], request_id: str) -> tuple[ModelContent, Answer]:
        async def ask(provider: Provider) -> tuple[ModelContent, Answer]:
            return provider.model, await provider.complete(payload, request_id)

        return await self._failover.first_answer(ask, request_id)

    async def _stream(self, call: _Call) -> None:
        async def ask(provider: Provider) -> tuple[ModelContent, AsyncExitStack, Chunk, AsyncIterator[Chunk]]:
            # The first chunk decides whether the model answers: until then another may be asked.
            async with AsyncExitStack() as answer:
                chunks = await answer.enter_async_context(provider.stream(call.payload, call.request_id))
                first = await anext(chunks)
                return provider.model, answer.pop_all(), first, chunks

        model, answer, first, chunks = await self._failover.first_answer(ask, call.request_id)
        report = Report()
        judge = self._guards.of_answer(report, call.payload, call.request, call.vault)
        chunk, said, usage, blocked = first, False, None, False
        try:
            async with answer:
                await call.reply.start_stream()
                async for chunk in _with_first(first, chunks):
                    usage = chunk.get("usage") or usage
                    if not call.request.include_usage:
                        chunk.pop("usage", None)
                        if not chunk["choices"]:
                            continue
                    async for judged in judge.chunk(chunk):
                        await call.reply.event(call.transcript.pass_on(judged))
                        if not said and _says_something(judged):
                            said = True
                            self._metrics.time_to_first_token.observe(perf_counter() - call.started)
        except BlockedError as error:
            blocked = True
            await call.reply.event(call.transcript.pass_on(_cut_off(chunk, None if said else error.message)))
        finally:
            self._guards.count("output", report, call.request_id)
            self._metrics.count_usage([(model, usage)], shadow=call.transcript.shadow)
            call.transcript.used(usage)
        self._guards.count_finished(report, blocked=blocked)
        call.transcript.found(report)
        await call.reply.end_stream(DONE)


async def _with_first(first: Chunk, rest: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    yield first
    async for chunk in rest:
        yield chunk


def _says_something(chunk: Chunk) -> bool:
    return any(
        value for choice in chunk["choices"] for key, value in (choice.get("delta") or {}).items() if key != "role"
    )


def _withheld(answer: dict[str, Any], message: str) -> dict[str, Any]:
    """The answer with the guardrail's message in its place, as a filtered answer looks at Azure OpenAI."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": message},
        "finish_reason": "content_filter",
    }
    return {**envelope(answer), "choices": [choice]}


def _chunks(answer: Answer, *, usage: bool) -> Iterator[Chunk]:
    """A whole answer as the chunks of a stream."""
    same = {field: value for field, value in answer.items() if field not in ("object", "choices", "usage")}
    head = {**same, "object": "chat.completion.chunk"}
    for choice in answer["choices"]:
        delta = dict(choice["message"])
        if isinstance(calls := delta.get("tool_calls"), list):
            delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
        for part, finished in ((delta, None), ({}, choice.get("finish_reason"))):
            yield {**head, "choices": [{"index": choice.get("index", 0), "delta": part, "finish_reason": finished}]}
    if usage:
        yield {**head, "choices": [], "usage": answer.get("usage")}


def _cut_off(chunk: Chunk, message: str | None) -> Chunk:
    """The last chunk of a stream that a guardrail ended; its message only where the caller has no text yet."""
    delta = {"role": "assistant", "content": message} if message else {}
    return {**envelope(chunk), "choices": [{"index": 0, "delta": delta, "finish_reason": "content_filter"}]}


def _api_error(error: ProviderError, message: str) -> ApiError:
    """What the caller gets when no model answered, with this message where the model's server refused the request.

    It counts as the provider's error whatever the status: a model that refuses every request because of the release's
    own prompt or parameters answers 400 too, and that has to be seen.
    """
    if error.refused:
        code, param = (error.error.get(field) for field in ("code", "param"))
        return ApiError(
            error.status or 400,
            message,
            type="invalid_request_error",
            code=code if isinstance(code, str) else None,
            param=param if isinstance(param, str) else None,
            outcome=error.kind,
        )
    status = 504 if error.kind == "timeout" else error.status if error.status in (429, 503) else 502
    wait = {} if error.retry_after is None else {"retry-after": str(round(error.retry_after + 0.5))}
    code = {429: "rate_limit_exceeded", 504: "timeout"}.get(status, "provider_error")
    return ApiError(status, error.message, type="server_error", code=code, outcome=error.kind, headers=wait)
