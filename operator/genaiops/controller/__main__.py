"""``python -m genaiops.controller``: kopf watches, a lease decides who acts, plain asyncio does the rest."""

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any, NoReturn

import aiohttp
import kopf
import uvloop
from aiohttp import web
from kopf._core.reactor.inventory import ResourceMemories
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from genaiops.controller.apps import AppReconciler
from genaiops.controller.cluster import Cluster, connect
from genaiops.controller.dataplane import DirectPods, PodClient, ProxiedPods
from genaiops.controller.definitions import DefinitionReconciler
from genaiops.controller.election import (
    LEASE_SECONDS,
    RENEW_SECONDS,
    RETRY_SECONDS,
    FencedLease,
)
from genaiops.controller.evaluations import EvaluationReconciler
from genaiops.controller.kinds import OPTIONAL, REQUIRED
from genaiops.controller.measuring import Measuring
from genaiops.controller.metrics import LEADER
from genaiops.controller.operator import Operator
from genaiops.controller.optional import watch_when_there
from genaiops.controller.providers.ask import Providers
from genaiops.controller.providers.jobs import Jobs
from genaiops.controller.providers.secrets import ClusterSecrets
from genaiops.controller.settings import Settings, parse_settings
from genaiops.controller.store import Key, Store
from genaiops.controller.webhook.keeper import Keeper, Leadership
from genaiops.controller.webhook.server import Webhook, serve_webhook
from genaiops.controller.webhook.stamp import NO_SEAL

log = logging.getLogger("genaiops")

KOPF_SECONDS = 10.0
"""Time that kopf gets to end; it gives its own tasks 5 s."""

SILENCE_SECONDS = 20.0
"""A watch that says nothing for so long is opened anew: nobody tells of a connection that broke without a word."""

CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 30.0
"""Longest wait of kopf for one answer of the API server."""


class NothingRemembered(ResourceMemories):
    """kopf remembers every object for its daemons and retries. There are none, and it is a kilobyte each."""

    async def recall(self, raw_body: Any, **options: Any) -> Any:
        """What is known of the object, made anew each time."""
        return await super().recall(raw_body, **{**options, "ephemeral": True})


class NoDifferences(kopf.DiffBaseStorage):
    """kopf tells handlers of changes what changed. Ours take events: each object would be copied for nothing."""

    def build(self, **_: Any) -> Any:
        """What of an object is compared with its next state."""
        return {}

    def fetch(self, **_: Any) -> None:
        """What was stored."""

    def store(self, **_: Any) -> None:
        """Write it to the object."""


def kopf_registry(operator: Operator) -> kopf.OperatorRegistry:
    """One handler per kind that hands the event on: kopf swallows what a handler raises, so none does work."""
    registry = kopf.OperatorRegistry()

    def hand_on(kind: str) -> Any:
        async def seen(event: dict[str, Any], **_: Any) -> None:
            operator.seen(kind, event["type"], dict(event["object"]))

        return seen

    for resource in REQUIRED:
        kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)(hand_on(resource.kind))

    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.persistence.diffbase_storage = NoDifferences()
        # Each object that was touched has a task and a queue for so many seconds: a thousand apps are a lot of objects.
        settings.queueing.idle_timeout = 0.5
        settings.watching.server_timeout = 300
        settings.watching.inactivity_timeout = SILENCE_SECONDS
        settings.networking.connect_timeout = CONNECT_SECONDS
        settings.networking.request_timeout = REQUEST_SECONDS
        # By itself kopf gives up after a minute, and a container that ends is started again later each time.
        settings.networking.error_backoffs = (1, 1, 2, 3) + (5,) * 20_000
        for resource in REQUIRED:
            if resource.selector:
                settings.watching.label_selectors[f"{resource.plural}.{resource.group}".rstrip(".")] = resource.selector

    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_via_client(**kwargs)

    kopf.on.startup(registry=registry)(configure)
    kopf.on.login(registry=registry)(login)
    return registry


async def serve_health(operator: Operator, keeper: Keeper | None, port: int) -> web.AppRunner:
    """/healthz (the event loop turns), /readyz (the store is complete, the webhook has what it needs), /metrics."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        problem = keeper.problem if keeper else None
        if not operator.synced.is_set():
            problem = operator.problem or "listing the objects of the cluster"
        return web.Response(status=503, text=f"{problem}\n") if problem else web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()
    return runner


async def run(settings: Settings) -> NoReturn:
    """Run until SystemExit: 0 after a signal; 1 where leadership or the watch was lost, for a restart to start anew."""
    configuration = Configuration()
    if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    else:
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    # No limit of connections: pods that don't answer must not keep the operator from others.
    pool = aiohttp.TCPConnector(limit=0)
    async with connect(configuration) as client, aiohttp.ClientSession(connector=pool) as session:
        lease = FencedLease(settings.lease_name, settings.lease_namespace, settings.identity, client)
        cluster = Cluster(client, lease)
        store = Store()
        pods: PodClient = DirectPods(session) if settings.pod_access == "direct" else ProxiedPods(cluster)
        definitions = DefinitionReconciler(cluster, store)
        # The webhook serves on every replica: what it asks and fills in is not the leader's alone to write.
        unfenced = Cluster(client)
        leadership = Leadership(lambda: lease.held, cluster)
        keeper = Keeper(unfenced, leadership, settings.webhook) if settings.webhook else None
        jobs = Jobs(cluster, lambda namespace, app: store.owned(Key("LLMApp", namespace, app)))
        providers = Providers(session, ClusterSecrets(cluster), jobs, lambda: datetime.now(UTC))
        apps = AppReconciler(
            cluster,
            store,
            pods,
            settings.runtime_image,
            settings.gateway_image,
            settings.evaluator_image,
            lambda: keeper.seal if keeper else NO_SEAL,
            Measuring(providers),
            settings.tracing,
        )
        evaluations = EvaluationReconciler(cluster, store, pods, settings.evaluator_image)
        kinds = ("Model", "Prompt", "GuardrailPolicy", "RolloutPolicy", "EvaluationSuite")
        operator = Operator(
            cluster,
            store,
            {
                "LLMApp": apps.reconcile,
                "Evaluation": evaluations.reconcile,
                **dict.fromkeys(kinds, definitions.reconcile),
            },
            settings.namespaces,
            settings.workers,
        )
        health = await serve_health(operator, keeper, settings.port)
        stop, kopf_runs, kopf_stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def lead() -> None:
            log.info("%s leads", settings.identity)
            LEADER.set(1)
            if keeper:
                # Else the first decisions would be judged by nobody's stamp.
                await keeper.asked.wait()
            try:
                await operator.lead()
            except ExceptionGroup as errors:
                # The lease ran out unnoticed, as in a process that was stopped for a while. Or a worker broke: a leader
                # that holds the lease and does nothing is worse than one that ends.
                if not ended.done():
                    ended.set_exception(errors.exceptions[0])

        async def lost() -> None:
            LEADER.set(0)

        election = LeaderElection(Config(lease, LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, lead, lost))
        listing = asyncio.create_task(operator.keep_listing())
        # kopf asks once which kinds there are. An API server that is starting does not know them all yet, and kopf
        # would never watch the others: once all of them can be listed it knows them.
        await asyncio.wait({listing, asyncio.create_task(operator.synced.wait())}, return_when=asyncio.FIRST_COMPLETED)
        watching = asyncio.create_task(
            kopf.operator(
                registry=kopf_registry(operator),
                memories=NothingRemembered(),
                standalone=True,
                # Without a name kopf looks for the user's, and a container's user has none.
                identity=settings.identity,  # type: ignore[arg-type]  # a NewType that kopf keeps to itself
                namespaces=settings.namespaces,
                clusterwide=not settings.namespaces,
                ready_flag=kopf_runs,
                stop_flag=kopf_stop,
            )
        )
        await asyncio.wait({watching, asyncio.create_task(kopf_runs.wait())}, return_when=asyncio.FIRST_COMPLETED)
        for number in (signal.SIGTERM, signal.SIGINT):
            # kopf has set handlers of its own; ours end what is beside kopf first.
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        mine: set[asyncio.Future[Any]] = {
            ended,
            listing,
            asyncio.create_task(election.run()),
            asyncio.create_task(stop.wait()),
        }
        for resource in OPTIONAL:
            watch = watch_when_there(cluster, operator, resource, settings.namespaces)
            mine.add(asyncio.create_task(watch))
        if keeper and settings.webhook:
            webhook = Webhook(unfenced, lambda: keeper.seal)
            mine |= {
                asyncio.create_task(keeper.keep()),
                asyncio.create_task(serve_webhook(webhook, keeper, settings.webhook.port)),
            }
        done, _ = await asyncio.wait({watching, *mine}, return_when=asyncio.FIRST_COMPLETED)
        operator.stop()
        await end(mine | operator.working)
        await lease.release()
        # Before kopf, which waits for every task that began after it: a scraper's connection is one.
        await health.cleanup()
        if not stop.is_set():
            reasons = "; ".join(str(task.exception()) for task in done if not task.cancelled() and task.exception())
            log.error("leadership or the watch was lost, ending, to start anew as a follower. %s", reasons)
        kopf_stop.set()
        _, hanging = await asyncio.wait({watching}, timeout=KOPF_SECONDS)
        code = 0 if stop.is_set() else 1
        if hanging:
            log.warning("kopf does not end, leaving it: %s", [task.get_name() for task in asyncio.all_tasks()])
            # Everything is in the cluster, and the lease is free: nothing is left to be done in order.
            os._exit(code)
        raise SystemExit(code)


async def end(tasks: set[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Entry point."""
    # The API server takes objects nested 10,000 deep. One of them must not end the operator of all.
    sys.setrecursionlimit(25_000)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kopf").setLevel(logging.WARNING)
    uvloop.run(run(parse_settings()))


if __name__ == "__main__":
    main()
