"""What an app's collector is made of, and what runtimes see of it."""

import json
from typing import Any

from genaiops.api.quality import Quality
from genaiops.api.release import ModelContent
from genaiops.api.samples import CollectorSettings, SamplingSettings
from genaiops.manifests.labels import Object, owner
from genaiops.manifests.quality import quality_objects
from genaiops.manifests.release import deployment

from .pod_security import violations
from .releases import release

OWNER = owner("LLMApp", "support", "uid-1")
JUDGE = ModelContent.model_validate(
    {
        "name": "gpt",
        "provider": "OpenAI",
        "model": "gpt-4.1",
        "endpoint": "https://llm/v1",
        "credentials": {"name": "openai", "key": "token"},
    }
)


def made(**quality: Any) -> dict[str, Object]:
    spec = Quality.model_validate(quality)
    judges = [JUDGE] if spec.evaluators else []
    objects = quality_objects("support", "team", spec, judges, "genaiops/evaluator:1", OWNER)
    assert {item["metadata"]["name"] for item in objects} == {"support-quality"}
    assert all(item["metadata"]["ownerReferences"] == [OWNER] for item in objects)
    return {item["kind"]: item for item in objects}


def judged(**more: Any) -> dict[str, Object]:
    evaluators = [{"name": "relevance", "type": "Relevance", "model": "gpt"}]
    return made(sampling={"rate": "0.25", "maxPerMinute": 30}, evaluators=evaluators, **more)


def pod_of(objects: dict[str, Object]) -> Object:
    return objects["Deployment"]["spec"]["template"]["spec"]


def mounts(pod: Object) -> dict[str, Any]:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    return {mount["mountPath"]: volumes[mount["name"]] for mount in pod["containers"][0]["volumeMounts"]}


def test_the_collector_s_pod_is_restricted_and_has_no_token() -> None:
    pod = pod_of(judged())
    assert violations(pod) == []
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["image"] == "genaiops/evaluator:1"


def test_each_side_reads_what_is_meant_for_it_and_no_more() -> None:
    data = judged(redact=["EMAIL"], feedback={"comments": False})["ConfigMap"]["data"]
    told = SamplingSettings.model_validate_json(data["sampling.json"])
    assert (told.collector, float(told.rate), told.max_per_minute, told.comments) == (
        "http://support-quality.team.svc:8080",
        0.25,
        30,
        False,
    )
    assert "gpt" not in data["sampling.json"]
    collector = CollectorSettings.model_validate_json(data["collector.json"])
    assert ([model.name for model in collector.models], collector.retention.days) == (["gpt"], 30)
    for volumes, app, key in (
        (pod_of(judged())["volumes"], "support", "collector.json"),
        (runtime()["volumes"], "bot", "sampling.json"),
    ):
        (items,) = [v["configMap"]["items"] for v in volumes if v.get("configMap", {}).get("name") == f"{app}-quality"]
        assert items == [{"key": key, "path": key}]


def test_without_sampling_nothing_is_sampled_and_feedback_is_kept() -> None:
    data = made()["ConfigMap"]["data"]
    assert SamplingSettings.model_validate_json(data["sampling.json"]).rate == 0


def test_where_it_is_kept() -> None:
    assert "emptyDir" in mounts(pod_of(made()))["/var/lib/genaiops/quality"]
    claimed = mounts(pod_of(made(store={"claim": "kept"})))["/var/lib/genaiops/quality"]
    assert claimed["persistentVolumeClaim"] == {"claimName": "kept"}
    secret = mounts(pod_of(made(store={"postgresql": {"secretRef": {"name": "db", "key": "url"}}})))
    assert secret["/etc/genaiops/store"]["secret"] == {"secretName": "db", "items": [{"key": "url", "path": "dsn"}]}


def test_keys_of_judges_and_webhooks_are_mounted_and_stand_in_no_object() -> None:
    header = {"name": "Authorization", "secretRef": {"name": "ours", "key": "token"}}
    webhook = {
        "name": "own",
        "type": "Webhook",
        "threshold": "0.5",
        "webhook": {"url": "https://x/", "headers": [header]},
    }
    relevance = {"name": "relevance", "type": "Relevance", "model": "gpt"}
    found = mounts(pod_of(made(sampling={}, evaluators=[webhook, relevance])))
    assert found["/etc/genaiops/credentials/gpt"]["secret"]["secretName"] == "openai"
    (source,) = found["/etc/genaiops/secrets"]["projected"]["sources"]
    assert source["secret"]["items"] == [{"key": "token", "path": "ours/token"}]


def test_runtimes_bring_the_operator_counts_and_no_pod_reads() -> None:
    bring, count = judged()["NetworkPolicy"]["spec"]["ingress"]
    assert bring["from"] == [
        {"podSelector": {"matchLabels": {"genaiops.dev/app": "support", "genaiops.dev/component": "runtime"}}}
    ]
    assert [port["port"] for rule in (bring, count) for port in rule["ports"]] == [8080, 9464]


def test_what_the_collector_reads_at_its_start_rolls_it_and_what_runtimes_read_does_not() -> None:
    def template(objects: dict[str, Object]) -> str:
        return json.dumps(objects["Deployment"]["spec"]["template"], sort_keys=True)

    assert template(judged(redact=["EMAIL"])) == template(judged())
    assert template(judged(retention="24h")) != template(judged())


def runtime() -> Object:
    return deployment("bot-0123456789", "team", release(), 1, OWNER)["spec"]["template"]["spec"]


def test_every_runtime_has_the_folder_whether_there_is_quality_or_not() -> None:
    (volume,) = [volume for volume in runtime()["volumes"] if volume["name"] == "quality"]
    assert volume["configMap"]["optional"] is True
    mounted = [mount for c in runtime()["containers"] for mount in c["volumeMounts"] if mount["name"] == "quality"]
    assert [mount["mountPath"] for mount in mounted] == ["/etc/genaiops/quality"]
