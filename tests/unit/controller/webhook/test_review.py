"""AdmissionReviews: what is read of them, and what is answered."""

import json
from typing import Any

import pytest

from genaiops.controller.webhook.review import MalformedError, RefusedError, allowed, named, parse_review, refused

from .reviews import patched, review


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Expecting value"),
        (b"[]", "review: "),
        (b"{}", "review.apiVersion: Field required; review.request: Field required"),
        (json.dumps({"apiVersion": "admission.k8s.io/v1", "request": {"uid": "1"}}).encode(), "review.request.kind"),
        (
            json.dumps(
                {
                    "apiVersion": "admission.k8s.io/v1beta1",
                    "request": {
                        "uid": "1",
                        "kind": {"kind": "Prompt"},
                        "operation": "CREATE",
                        "userInfo": {"username": "jane"},
                        "object": {},
                    },
                }
            ).encode(),
            "'admission.k8s.io/v1beta1' is not spoken here; admission.k8s.io/v1 is",
        ),
    ],
)
def test_what_is_no_review_is_told_so(body: bytes, said: str) -> None:
    with pytest.raises(MalformedError) as error:
        parse_review(body)
    assert said in str(error.value)


def test_an_answer_names_its_question() -> None:
    request = review("Prompt", {})
    assert allowed(request, {})["response"] == {"uid": "1", "allowed": True}
    answer = refused(request.uid, RefusedError("no: " + "x" * 5000, 403))
    assert answer["response"]["allowed"] is False
    assert answer["response"]["status"]["reason"] == "Forbidden"
    assert answer["response"]["status"]["message"].startswith("no: ")
    assert len(json.dumps(answer)) < 3000


@pytest.mark.parametrize(
    ("meta", "begins"),
    [({"generateName": "approve-"}, "approve-"), ({"generateName": "a" * 253}, "a" * 248), ({"name": ""}, "")],
)
def test_a_name_is_made_where_there_is_none(meta: dict[str, Any], begins: str) -> None:
    request = review("ReleaseAction", {"metadata": meta})
    name, patch = named(request)
    assert name.startswith(begins)
    assert len(name) == len(begins) + 5
    assert patched({"metadata": meta}, allowed(request, patch))["metadata"]["name"] == name


def test_a_name_is_kept_where_there_is_one() -> None:
    assert named(review("Prompt", {"metadata": {"name": "support", "generateName": "x"}})) == ("support", {})
