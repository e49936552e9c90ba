"""An evaluator that is a server of the team's own: it gets a row and its answer, and says a score."""

import asyncio
import json
import math
import ssl
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from genaiops.api.json_path import found_at
from genaiops.api.providers import Tls
from genaiops.api.providers import Webhook as Spec
from genaiops.evaluation.judgement import Answer, EvaluatorError, Judgement, Sample
from genaiops.evaluation.places import Places, SecretError
from genaiops.providers.backoff import backoff
from genaiops.providers.provider import retry_after

RETRIES: Final = 4
LONGEST_WAIT: Final = 60.0
"""Seconds."""
_MAX_BYTES: Final = 256 * 1024


class Webhook:
    """Asks a server for each answer."""

    def __init__(self, spec: Spec, threshold: float, places: Places) -> None:
        self._spec = spec
        self._threshold = threshold
        self._places = places
        self._client: ClientSession | None = None

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        document = await self._asked({**_document(sample), "body": self._spec.body})
        score = _number(self._spec.json_path, document)
        reason = document.get("reason") if isinstance(document, dict) else None
        return Judgement(score, score >= self._threshold, reason if isinstance(reason, str) else "")

    async def close(self) -> None:
        """As in Evaluator."""
        if self._client:
            await self._client.close()

    async def _asked(self, body: dict[str, Any]) -> Any:
        """The JSON of the answer. Raises EvaluatorError."""
        attempt = 0
        while True:
            try:
                return await self._once(body)
            except _PassingError as failure:
                wait = backoff(attempt, failure.wait)
                if attempt == RETRIES or wait > LONGEST_WAIT:
                    raise EvaluatorError(str(failure)) from failure
                attempt += 1
                await asyncio.sleep(wait)

    async def _once(self, body: dict[str, Any]) -> Any:
        spec = self._spec
        if self._client is None:
            self._client = ClientSession(cookie_jar=DummyCookieJar(), headers={"user-agent": "genaiops-evaluator"})
        try:
            headers = {
                h.name: self._places.secret(h.secret_ref) if h.secret_ref else str(h.value) for h in spec.headers
            }
            # A secret header goes where the suite says, and nowhere else.
            async with self._client.post(
                spec.url,
                json=body,
                headers=headers,
                timeout=ClientTimeout(total=spec.timeout.total_seconds()),
                ssl=_certificates(spec.tls, self._places),
                allow_redirects=False,
            ) as answer:
                if answer.status == 429 or answer.status >= 500:
                    wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
                    raise _PassingError(f"the webhook answers {answer.status}", wait)
                if not 200 <= answer.status <= 299:
                    raise EvaluatorError(f"the webhook answers {answer.status}")
                said = bytearray()
                async for chunk in answer.content.iter_any():
                    said += chunk
                    if len(said) > _MAX_BYTES:
                        raise EvaluatorError(f"the webhook's answer is larger than {_MAX_BYTES >> 10} KiB")
        except SecretError as error:
            raise EvaluatorError(str(error)) from error
        except TimeoutError as error:
            raise _PassingError(f"the webhook gave no answer within {spec.timeout.total_seconds():g} s") from error
        except (ClientError, OSError) as error:
            raise _PassingError(f"the webhook was not reached: {str(error) or type(error).__name__}") from error
        try:
            return json.loads(said)
        except (ValueError, RecursionError) as error:
            raise EvaluatorError("the webhook's answer is no JSON") from error


class _PassingError(Exception):
    """What may not be so a little later."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds that the server asks to wait."""


def _certificates(tls: Tls, places: Places) -> ssl.SSLContext | bool:
    """How to check the server's certificate, as aiohttp takes it."""
    if tls.insecure_skip_verify:
        return False
    if tls.ca_secret is None:
        return True
    try:
        return ssl.create_default_context(cadata=places.secret(tls.ca_secret))
    except ssl.SSLError as error:
        raise EvaluatorError(f"tls.caSecret: key {tls.ca_secret.key} of {tls.ca_secret.name} has no PEM") from error


def _document(sample: Sample) -> dict[str, Any]:
    return {
        "row": sample.row.to_manifest(),
        "answer": _answer(sample.answer),
        "baseline": _answer(sample.baseline) if sample.baseline else None,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text,
        "toolCalls": answer.tool_calls,
        "refusedBy": answer.refused_by,
        "seconds": answer.seconds,
        "firstToken": answer.first_token,
        "inputTokens": answer.input_tokens,
        "outputTokens": answer.output_tokens,
        "cost": None if answer.cost is None else str(answer.cost),
    }


def _number(path: str, document: Any) -> float:
    """The number there; true is 1, false is 0."""
    try:
        found = found_at(path, document)
    except LookupError as error:
        raise EvaluatorError(f"the webhook's answer: {error}") from error
    if not isinstance(found, int | float) or not math.isfinite(found):
        raise EvaluatorError(f"the webhook's answer: what stands at {path} is no number")
    return float(found)
