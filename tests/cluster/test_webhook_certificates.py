"""The webhook's certificates: made, shared, renewed under load, or somebody else's."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from admission import HOOKS, Installed, installed
from controlplane import ControlPlane
from harness import OperatorProcess, eventually
from kubernetes.aio import config
from tasks import beside

from genaiops.controller.cluster import Cluster
from genaiops.controller.settings import WebhookSettings
from genaiops.controller.webhook.certificates import AUTHORITIES, SERVED, Pace, issue
from genaiops.controller.webhook.keeper import STAMP_KEY, Keeper, Leadership
from genaiops.controller.webhook.server import Webhook, serve_webhook

LOOPBACK = ("127.0.0.1",)
DAYS = timedelta(days=1)


@pytest.fixture
def webhook(controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Installed]:
    """The chart's webhook for the test's namespace alone, with an empty Secret."""
    with installed(controlplane, namespace, tmp_path, namespace=namespace, for_namespaces=namespace) as running:
        yield running


@pytest.fixture
async def cluster(controlplane: ControlPlane) -> AsyncIterator[Cluster]:
    api = await config.new_client_from_config(str(controlplane.kubeconfig))
    async with api:
        yield Cluster(api)


def settings_of(webhook: Installed, certificates: str = "") -> WebhookSettings:
    secret = f"{webhook.name}-webhook"
    return WebhookSettings(webhook.port, webhook.namespace, secret, LOOPBACK, webhook.name, certificates)


def keeper_of(webhook: Installed, cluster: Cluster, *, leads: bool = True, certificates: str = "") -> Keeper:
    """A replica's keeper, which does in a second what takes a minute otherwise."""
    pace = Pace(settling=timedelta(seconds=1))
    leadership = Leadership(lambda: leads, cluster)
    return Keeper(cluster, leadership, settings_of(webhook, certificates), pace)


@asynccontextmanager
async def serving(webhook: Installed, cluster: Cluster, keeper: Keeper) -> AsyncIterator[None]:
    """A replica's webhook, until the block ends."""
    async with beside(serve_webhook(Webhook(cluster, lambda: keeper.seal), keeper, webhook.port)):
        yield


def an_aged_pair(days: int) -> dict[str, bytes]:
    """A certificate made so many days ago, of the ninety that it lasts."""
    authority, certificate, key = issue(LOOPBACK, datetime.now(UTC) - days * DAYS, 90 * DAYS)
    return {AUTHORITIES: authority, SERVED[0]: certificate, SERVED[1]: key, STAMP_KEY: b"k" * 32}


async def asks(webhook: Installed) -> str:
    """What the webhook answers somebody who decides on an app that is not there."""
    action = {
        "apiVersion": "genaiops.dev/v1alpha1",
        "kind": "ReleaseAction",
        "metadata": {"generateName": "decision-"},
        "spec": {"app": "nobody", "action": "Restart", "release": "0" * 64},
    }
    command = ("-n", webhook.namespace, "create", "-f", "-")
    try:
        return await asyncio.to_thread(webhook.cluster.kubectl, *command, stdin=json.dumps(action))
    except Exception as refusal:
        return str(refusal)


ANSWERED = "there is no LLMApp 'nobody'"


async def test_a_certificate_is_renewed_and_no_request_fails(webhook: Installed, cluster: Cluster) -> None:
    # given a certificate of which two thirds are over
    aged = an_aged_pair(days=61)
    webhook.fill(aged)
    keeper = keeper_of(webhook, cluster)
    await keeper.look()
    async with serving(webhook, cluster, keeper):
        await eventually("it is served", webhook.served)
        answers: list[str] = []
        disbelief: list[str] = []
        # when it is looked after while people decide
        for _ in range(200):
            await keeper.look()
            # The API server keeps its connections for a while; each new one has to be believed, too.
            disbelief += await asyncio.to_thread(webhook.disbelief)
            answers.append(await asks(webhook))
            files = webhook.files()
            if files[SERVED[0]] != aged[SERVED[0]] and files[AUTHORITIES].count(b"BEGIN") == 1:
                break
        answers.append(await asks(webhook))
        # then another one is served, and nothing is left of the old one
        assert await asyncio.to_thread(webhook.served) == webhook.files()[SERVED[0]].strip()
        assert set(webhook.files()) == {AUTHORITIES, *SERVED, STAMP_KEY}
        assert webhook.files()[STAMP_KEY] == aged[STAMP_KEY]
        # and all were answered
        assert disbelief == []
        assert [answer for answer in answers if ANSWERED not in answer] == []


async def test_replicas_that_start_together_share_one_key(webhook: Installed, cluster: Cluster) -> None:
    # given two replicas, none of which leads yet, and nothing in the Secret
    keepers = [keeper_of(webhook, cluster, leads=False) for _ in range(4)]
    tasks = [asyncio.create_task(keeper.keep()) for keeper in keepers]
    # when
    await asyncio.wait_for(asyncio.gather(*(keeper.asked.wait() for keeper in keepers)), 30)
    await eventually("all are content", lambda: all(keeper.problem is None for keeper in keepers))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # then
    assert {keeper.seal.key for keeper in keepers} == {webhook.files()[STAMP_KEY]}
    bundles = {hook["clientConfig"]["caBundle"] for kind in HOOKS for hook in webhook.configuration(kind)["webhooks"]}
    assert len(bundles) == 1


async def test_an_emptied_secret_is_filled_anew(webhook: Installed, cluster: Cluster) -> None:
    # given
    keeper = keeper_of(webhook, cluster)
    await keeper.look()
    before = webhook.files()
    async with serving(webhook, cluster, keeper):
        # when
        secret = f"secret/{webhook.name}-webhook"
        webhook.cluster.kubectl("-n", webhook.namespace, "patch", secret, "-p", '{"data": null}')
        # then there is another key, and another certificate, which is believed
        assert not await keeper.look()
        assert await keeper.look()
        assert {name for name in before if webhook.files()[name] == before[name]} == set()
        assert keeper.seal.key == webhook.files()[STAMP_KEY]
        await eventually("it is believed", lambda: webhook.disbelief() == [])
        assert ANSWERED in await asks(webhook)


async def test_a_replica_that_does_not_lead_renews_nothing(webhook: Installed, cluster: Cluster) -> None:
    aged = an_aged_pair(days=61)
    webhook.fill(aged)
    await keeper_of(webhook, cluster, leads=False).look()
    assert webhook.files() == aged


async def test_certificates_of_somebody_else_are_taken_up_as_they_change(
    webhook: Installed, cluster: Cluster, tmp_path: Path
) -> None:
    # given a folder that cert-manager's Secret is mounted at
    def deliver() -> bytes:
        _, certificate, key = issue(LOOPBACK, datetime.now(UTC), 90 * DAYS)
        for name, content in zip(SERVED, (certificate, key), strict=True):
            (tmp_path / name).write_bytes(content)
        return certificate

    first = deliver()
    keeper = keeper_of(webhook, cluster, certificates=str(tmp_path))
    await keeper.look()
    async with serving(webhook, cluster, keeper):
        await eventually("it is served", lambda: webhook.served() == first.strip())
        # when another one is delivered, in two moves
        _, half, _ = issue(LOOPBACK, datetime.now(UTC), 90 * DAYS)
        (tmp_path / SERVED[0]).write_bytes(half)
        with pytest.raises(Exception, match="the certificate can't be used"):
            await keeper.look()
        assert await asyncio.to_thread(webhook.served) == first.strip()
        second = deliver()
        await keeper.look()
        # then it is served, and the Secret has only the key
        assert await asyncio.to_thread(webhook.served) == second.strip()
        assert set(webhook.files()) == {STAMP_KEY}


async def test_readiness_tells_what_is_missing(
    controlplane: ControlPlane, webhook: Installed, namespace: str, tmp_path: Path
) -> None:
    controlplane.kubectl("-n", namespace, "delete", "secret", f"{webhook.name}-webhook")
    with OperatorProcess(controlplane, tmp_path, namespace=namespace, options=webhook.options) as operator:
        said = f"Secret {webhook.name}-webhook in namespace {namespace} can't be read"
        await eventually("it is told", lambda: said in operator.ready())
        # It leads all the same.
        await operator.leads()
