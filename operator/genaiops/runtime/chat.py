"""A chat completion from request to answer: prompt, input checks, model, output checks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Any

from genaiops.api.release import ModelContent, ReleaseContent
from genaiops.guardrails import BlockedError, Chain, Check, DetectorError, Report, checks_of
from genaiops.guardrails.checks import Stage
from genaiops.prompts import PromptTemplate, RenderError, VariableError
from genaiops.providers.provider import Provider, ProviderError
from genaiops.providers.sse import DONE
from genaiops.runtime import request as requests
from genaiops.runtime.answer import AnswerJudge
from genaiops.runtime.errors import ApiError, bad_request, content_filter, internal
from genaiops.runtime.failover import Failover
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.reply import Reply
from genaiops.runtime.request import ChatRequest

Chunk = dict[str, Any]


class Chat:
    """Answers chat completions as one release says."""

    def __init__(self, content: ReleaseContent, failover: Failover, metrics: Metrics) -> None:
        self._prompt = PromptTemplate(content.prompt)
        self._own = requests.own_fields(content)
        self._input = checks_of(content.guardrails, "input")
        self._output = checks_of(content.guardrails, "output")
        self._failover = failover
        self._metrics = metrics

    async def answer(self, body: bytes, reply: Reply, request_id: str, *, shadow: bool = False) -> None:
        """Sends the answer; nobody reads that of a `shadow` request.

        Raises ApiError where there is none, or where a stream breaks in the middle.
        """
        started = perf_counter()
        request = requests.parse(body)
        try:
            await self._check_input(request)
            payload = requests.payload(request, self._prompt.render(request.variables), self._own)
            if request.stream:
                await self._stream(request, payload, reply, request_id, started, shadow)
            else:
                await self._whole(payload, reply, request_id, shadow)
        except VariableError as error:
            raise bad_request(str(error), f"prompt.variables.{error.variable}") from error
        except RenderError as error:
            raise internal(f"the release's prompt can't be rendered: {error}", "prompt_error") from error
        except DetectorError as error:
            raise internal(error.message, "guardrail_error") from error
        except ProviderError as error:
            raise _api_error(error) from error

    async def _check_input(self, request: ChatRequest) -> None:
        if not self._input:
            return
        report = Report()
        try:
            await _InputJudge(self._input, report).judge(request)
        except BlockedError as blocked:
            self._metrics.guarded_requests.labels("true").inc()
            raise content_filter(blocked.message) from blocked
        finally:
            self._count("input", report)

    async def _whole(self, payload: Mapping[str, Any], reply: Reply, request_id: str, shadow: bool) -> None:
        async def ask(provider: Provider) -> tuple[ModelContent, dict[str, Any]]:
            return provider.model, await provider.complete(payload, request_id)

        model, answer = await self._failover.first_answer(ask, request_id)
        self._metrics.count_usage(model, answer.get("usage"), shadow=shadow)
        report, blocks = Report(), False
        try:
            answer = await AnswerJudge(self._output, report).whole(answer)
        except BlockedError as blocked:
            answer, blocks = _withheld(answer, blocked.message), True
        finally:
            self._count("output", report)
        self._count_finished(report, blocks)
        await reply.json(200, answer)

    async def _stream(
        self,
        request: ChatRequest,
        payload: Mapping[str, Any],
        reply: Reply,
        request_id: str,
        started: float,
        shadow: bool,
    ) -> None:
        async def ask(provider: Provider) -> tuple[ModelContent, AsyncExitStack, Chunk, AsyncIterator[Chunk]]:
            # The first chunk decides whether the model answers: until then another may be asked.
            async with AsyncExitStack() as call:
                chunks = await call.enter_async_context(provider.stream(payload, request_id))
                first = await anext(chunks)
                return provider.model, call.pop_all(), first, chunks

        model, call, first, chunks = await self._failover.first_answer(ask, request_id)
        report = Report()
        judge = AnswerJudge(self._output, report)
        chunk, said, usage, blocks = first, False, None, False
        try:
            async with call:
                await reply.start_stream()
                async for chunk in _with_first(first, chunks):
                    usage = chunk.get("usage") or usage
                    if not request.include_usage:
                        chunk.pop("usage", None)
                        if not chunk["choices"]:
                            continue
                    async for judged in judge.chunk(chunk):
                        await reply.event(judged)
                        if not said and _says_something(judged):
                            said = True
                            self._metrics.time_to_first_token.observe(perf_counter() - started)
        except BlockedError as blocked:
            blocks = True
            await reply.event(_cut_off(chunk, None if said else blocked.message))
        finally:
            self._count("output", report)
            self._metrics.count_usage(model, usage, shadow=shadow)
        self._count_finished(report, blocks)
        await reply.end_stream(DONE)

    def _count(self, stage: Stage, report: Report) -> None:
        for guardrail, action in report.decisions.items():
            self._metrics.guardrail_decisions.labels(guardrail, stage, action.value).inc()
        for guardrail in report.errors:
            self._metrics.guardrail_errors.labels(guardrail, stage).inc()

        if stage == "output" and report.decisions:
            self._metrics.answers.labels("true").inc()

    def _count_finished(self, report: Report, blocks: bool) -> None:
        self._metrics.guarded_requests.labels("true" if blocks else "false").inc()
        # Only a finished answer is known to be clean; one that was broken off is no answer.
        if not report.decisions:
            self._metrics.answers.labels("false").inc()


class _InputJudge:
    """Puts every text that the caller sent through the input checks, in place.

    What the user says meets every check; what else the caller may have put a user's words into (variables, earlier
    answers, tool results) meets those that find spans.
    """

    def __init__(self, checks: tuple[Check, ...], report: Report) -> None:
        self._all = checks
        self._span = [check for check in checks if not check.detector.judges_whole]
        self._report = report

    async def judge(self, request: ChatRequest) -> None:
        for name, value in request.variables.items():
            if isinstance(value, str):
                request.variables[name] = await Chain(self._span, self._report).finish(value)
        for message in request.messages:
            checks = self._all if message["role"] == "user" else self._span
            content = message.get("content")
            if isinstance(content, str):
                message["content"] = await Chain(checks, self._report).finish(content)
            for part in content if isinstance(content, list) else ():
                if isinstance(part.get("text"), str):
                    part["text"] = await Chain(checks, self._report).finish(part["text"])
            calls = message.get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                function = call.get("function") if isinstance(call, dict) else None
                if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                    function["arguments"] = await Chain(self._span, self._report).finish(function["arguments"])


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
    return {**answer, "choices": [choice]}


def _cut_off(chunk: Chunk, message: str | None) -> Chunk:
    """The last chunk of a stream that a guardrail ended; its message only where the caller has no text yet."""
    delta = {"role": "assistant", "content": message} if message else {}
    return {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": "content_filter"}]}


def _api_error(error: ProviderError) -> ApiError:
    """What the caller gets when no model answered.

    It counts as the provider's error whatever the status: a model that refuses every request because of the release's
    own prompt or parameters answers 400 too, and that has to be seen.
    """
    if error.refused:
        text, code, param = (error.error.get(field) for field in ("message", "code", "param"))
        return ApiError(
            error.status or 400,
            text if isinstance(text, str) else error.message,
            type="invalid_request_error",
            code=code if isinstance(code, str) else None,
            param=param if isinstance(param, str) else None,
            outcome=error.kind,
        )
    status = 504 if error.kind == "timeout" else error.status if error.status in (429, 503) else 502
    wait = {} if error.retry_after is None else {"retry-after": str(round(error.retry_after + 0.5))}
    code = {429: "rate_limit_exceeded", 504: "timeout"}.get(status, "provider_error")
    return ApiError(status, error.message, type="server_error", code=code, outcome=error.kind, headers=wait)
