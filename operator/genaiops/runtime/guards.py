"""The release's guardrails around one request: what they do to it and its answer, and the count of what they find."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from genaiops.api.guardrails import MAX_INPUT_CHARACTERS
from genaiops.api.release import ReleaseContent
from genaiops.guardrails import Chain, Check, Report, Surroundings, checks_of
from genaiops.guardrails.checks import Stage, quick_and_slow
from genaiops.guardrails.finding import Context, Cost
from genaiops.guardrails.pool import TRIAL, TRIAL_CONTEXT, WorkerDiedError
from genaiops.guardrails.stream import at_once
from genaiops.guardrails.vault import Vault
from genaiops.runtime.answer import AnswerJudge
from genaiops.runtime.errors import bad_request
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.request import ChatRequest
from genaiops.runtime.texts import Text, texts_of, texts_of_options
from genaiops.runtime.tracing import current

logger = logging.getLogger("genaiops.runtime")


LEAST: Final = 16
"""Characters that any text counts for: judging many empty ones takes time, too."""


class Guards:
    """The checks of one release."""

    def __init__(self, content: ReleaseContent, surroundings: Surroundings, metrics: Metrics) -> None:
        self._input = checks_of(content.guardrails, "input", surroundings)
        self._output = checks_of(content.guardrails, "output", surroundings)
        self._most = min(
            (policy.max_input_characters or MAX_INPUT_CHARACTERS for policy in content.guardrails if policy.input),
            default=MAX_INPUT_CHARACTERS,
        )
        self._pool = surroundings.pool
        self._metrics = metrics

    async def unready(self) -> str | None:
        """Why a detector can't work, found out by its first text; None where all of them can.

        Then a worker is there, too, so that the first request waits for none.
        """
        try:
            await self._pool.started()
        except WorkerDiedError as error:
            return f"the guardrails can't judge: {error}"
        for check in (*self._input, *self._output):
            if check.judge.cost is Cost.PROCESS:
                try:
                    await check.judge.given(TRIAL_CONTEXT).judge(TRIAL, 0, complete=True)
                except Exception as error:
                    logger.exception("the guardrail %s can't judge", check.name)
                    return f"the guardrail {check.name} can't judge: {error}"
        return None

    async def check(self, request: ChatRequest, report: Report, request_id: str) -> Vault:
        """Puts all that the caller sent through the input checks, in place; the vault holds what is to be restored.

        Raises BlockedError or DetectorError, and ApiError (413) where it is more than the policies let be judged.
        """
        if not self._input:
            return Vault()
        texts, beside = list(texts_of(request)), list(texts_of_options(request.options))
        self._measure([*texts, *beside])
        vault = Vault(t.value for t in (*texts, *beside)) if any(check.restore for check in self._input) else Vault()
        quick, slow = quick_and_slow(self._input)
        try:
            # All that costs nothing comes first: a Block there saves the work of the others.
            judged = []
            for text in (*texts, *beside):
                judged.append(await _chain(quick, text, report, vault).finish(text.value))
                await asyncio.sleep(0)  # a request may have thousands of texts, and others are waiting
            if slow:
                said, other = judged[: len(texts)], judged[len(texts) :]
                chains = [_chain(slow, text, report, vault) for text in texts]
                said = await at_once([chain.finish(value) for chain, value in zip(chains, said, strict=True)])
                judged = said + await self._beside(other, slow, report, vault)
        finally:
            self.count("input", report, request_id)
        for text, value in zip((*texts, *beside), judged, strict=True):
            text.put(value)
        return vault

    async def _beside(self, values: list[str], slow: Sequence[Check], report: Report, vault: Vault) -> list[str]:
        # Tools are hundreds of little texts that come with every request: what need not change them judges all at once.
        if not values:
            return []
        met = [check for check in slow if not check.judge.judges_whole]
        redacting = [check for check in met if check.redacts]
        if redacting:
            values = await at_once([Chain(redacting, report, vault=vault).finish(value) for value in values])
        await Chain([check for check in met if not check.redacts], report).finish("\n".join(values))
        return values

    def _measure(self, texts: Sequence[Text]) -> None:
        # What is judged takes time by its length and for each text; nothing of a request goes on unjudged instead.
        characters = sum(max(len(text.value), LEAST) for text in texts)
        if characters > self._most:
            raise bad_request(
                f"the request's texts have {characters} characters (each text counts {LEAST} at least); the guardrails "
                f"judge up to {self._most} in one request (maxInputCharacters of the GuardrailPolicy)",
                code="request_too_large",
                status=413,
            )

    def of_answer(self, report: Report, payload: Mapping[str, Any], request: ChatRequest, vault: Vault) -> AnswerJudge:
        """The output checks for the answer to this payload."""
        form = payload.get("response_format")
        in_json = isinstance(form, dict) and form.get("type") in ("json_object", "json_schema")
        return AnswerJudge(self._output, report, _context(payload, request), vault, in_json=in_json)

    def count(self, stage: Stage, report: Report, request_id: str) -> None:
        """What the checks of one stage decided, into metrics, the log and the request's trace."""
        if trace := current.get():
            trace.guarded(stage, report)
        for decision in report.decisions.values():
            action, dry_run = decision.action.value, _word(decision.dry_run)
            self._metrics.guardrail_decisions.labels(decision.guardrail, stage, action, dry_run).inc()
            fields = {
                "request_id": request_id,
                "guardrail": decision.guardrail,
                "stage": stage,
                "action": action,
                "dry_run": decision.dry_run,
                "kinds": sorted(decision.kinds),
                "score": decision.score,
            }
            logger.info("guardrail", extra={"fields": fields})
        for guardrail in report.errors:
            self._metrics.guardrail_errors.labels(guardrail, stage).inc()
        if stage == "output" and report.violated:
            self._metrics.answers.labels("true").inc()

    def count_finished(self, report: Report, *, blocked: bool) -> None:
        """An answer that was finished, or withheld."""
        self._metrics.guarded_requests.labels(_word(blocked)).inc()
        # Only a finished answer is known to be clean; one that was broken off is no answer.
        if not report.violated:
            self._metrics.answers.labels("false").inc()


def _word(value: bool) -> str:
    return "true" if value else "false"


def _chain(checks: Sequence[Check], text: Text, report: Report, vault: Vault) -> Chain:
    met = checks if text.said else [check for check in checks if not check.judge.judges_whole]
    return Chain(met, report, vault=vault)


def _context(payload: Mapping[str, Any], request: ChatRequest) -> Context:
    own = payload["messages"][: len(payload["messages"]) - len(request.messages)]
    return Context(
        instructions="\n".join(_said(message) for message in own if message["role"] in ("system", "developer")),
        variables={name: value for name, value in request.variables.items() if isinstance(value, str)},
        tool_results=tuple(_said(message) for message in request.messages if message["role"] in ("tool", "function")),
        question=next((_said(message) for message in reversed(request.messages) if message["role"] == "user"), ""),
    )


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""
