"""What the gateway's configuration does in a real Envoy."""

import asyncio
import json
import math
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from gateway_on_loopback import (
    CANDIDATE,
    STABLE,
    Answer,
    Cluster,
    Gateway,
    eventually,
    kubernetes,
    resident_megabytes,
    running_gateway,
)
from pyreqwest.client import ClientBuilder
from yarl import URL

from genaiops.api.rollout import HeaderMatch
from genaiops.traffic.envoy import GatewayRoutes
from genaiops.traffic.live import CLUSTERS_PATH, ROUTES_PATH, live_shadow, live_testers, live_weights
from genaiops.traffic.objects import DRAIN_SCRIPT


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with kubernetes() as cluster:
        yield cluster


@pytest.fixture
async def gateway(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that knows stable and a candidate without requests, a pod each."""
    await cluster.scale(STABLE, 1)
    await cluster.scale(CANDIDATE, 1)
    async with running_gateway(cluster, cluster.routes(0), tmp_path) as gateway:
        await healthy(gateway, {STABLE: 1, CANDIDATE: 1})
        yield gateway


async def healthy(gateway: Gateway, pods: dict[str, int]) -> None:
    async def as_wanted() -> bool:
        return await gateway.healthy() == pods

    await eventually(as_wanted)


def error_of(answer: Answer) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, object] = json.loads(answer.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def within_four_sigma(hits: int, trials: int, share: float) -> bool:
    return abs(hits - trials * share) <= 4 * math.sqrt(trials * share * (1 - share))


# --- the split ---------------------------------------------------------------------------------------------


async def test_each_conversation_moves_to_the_candidate_at_most_once_while_the_weight_grows(
    cluster: Cluster, gateway: Gateway
) -> None:
    conversations = [f"conversation-{number}" for number in range(2000)]
    moved: set[str] = set()
    for weight in (0, 1, 5, 25, 50, 100):
        await gateway.follow(cluster.routes(weight))
        answered = await gateway.ask_all(conversations)
        at_candidate = {conversation for conversation, release in answered.items() if release == CANDIDATE}
        assert moved <= at_candidate, f"{len(moved - at_candidate)} conversations went back at weight {weight}"
        assert within_four_sigma(len(at_candidate), len(conversations), weight / 100)
        moved = at_candidate
        assert live_weights(await gateway.read(ROUTES_PATH)) == {CANDIDATE: weight, STABLE: 100 - weight}


async def test_a_conversation_stays_where_it_is_whatever_the_gateway_pod(
    cluster: Cluster, gateway: Gateway, tmp_path: Path
) -> None:
    await gateway.follow(cluster.routes(50))
    conversations = [f"conversation-{number}" for number in range(300)]
    (tmp_path / "second").mkdir()
    async with running_gateway(cluster, cluster.routes(50), tmp_path / "second") as second:
        answered = await gateway.ask_all(conversations)
        assert set(answered.values()) == {STABLE, CANDIDATE}
        assert await gateway.ask_all(conversations) == answered
        assert await second.ask_all(conversations) == answered


async def test_another_candidate_gets_other_conversations_first(cluster: Cluster, gateway: Gateway) -> None:
    conversations = [f"conversation-{number}" for number in range(1000)]
    next_candidate = "shop-cccccccccc"
    await cluster.scale(next_candidate, 1)
    firsts = []
    for candidate in (CANDIDATE, next_candidate):
        await gateway.follow(cluster.routes(20, candidate=candidate))
        await eventually(lambda: has_pods(gateway, next_candidate))
        answered = await gateway.ask_all(conversations)
        firsts.append({conversation for conversation, release in answered.items() if release == candidate})
    in_both = len(firsts[0] & firsts[1])
    assert within_four_sigma(in_both, len(conversations), 0.2 * 0.2)


async def has_pods(gateway: Gateway, release: str) -> bool:
    return (await gateway.healthy()).get(release, 0) > 0


async def test_requests_without_a_conversation_are_split_one_by_one(cluster: Cluster, gateway: Gateway) -> None:
    await gateway.follow(cluster.routes(25))
    answered = await gateway.ask_without_conversation(2000)
    assert within_four_sigma(answered[CANDIDATE], 2000, 0.25)


async def test_without_weight_the_candidate_gets_nothing(cluster: Cluster, gateway: Gateway) -> None:
    assert await gateway.ask_without_conversation(2000) == {STABLE: 2000}
    assert cluster.pods[CANDIDATE][0].requests == []


async def test_variants_take_their_shares_from_stable_and_give_them_back(cluster: Cluster, gateway: Gateway) -> None:
    conversations = [f"conversation-{number}" for number in range(2000)]
    variants = {"shop-eeeeeeeeee": 10, "shop-ffffffffff": 20}
    for variant in variants:
        await cluster.scale(variant, 1)
    await gateway.follow(cluster.routes(25))
    for variant in variants:
        await eventually(lambda variant=variant: has_pods(gateway, variant))
    before = await gateway.ask_all(conversations)
    # when the experiment begins
    await gateway.follow(cluster.routes(25, variants=variants))
    during = await gateway.ask_all(conversations)
    assert live_weights(await gateway.read(ROUTES_PATH)) == {CANDIDATE: 25, STABLE: 45, **variants}
    for variant, weight in variants.items():
        at_variant = {conversation for conversation, release in during.items() if release == variant}
        assert within_four_sigma(len(at_variant), len(conversations), weight / 100)
        assert {before[conversation] for conversation in at_variant} == {STABLE}
    moved = {conversation for conversation in conversations if before[conversation] != during[conversation]}
    assert {during[conversation] for conversation in moved} == variants.keys(), "nobody else moves"
    # and a variant without a ready pod has stable answer for it
    first, _ = variants
    for pod in cluster.pods[first]:
        pod.ready = False
    await eventually(lambda: has_no_pods(gateway, first))
    alone = await gateway.ask_all(conversations)
    assert all(alone[one] == (STABLE if release == first else release) for one, release in during.items())
    # when it is over
    await gateway.follow(cluster.routes(25))
    assert await gateway.ask_all(conversations) == before


async def has_no_pods(gateway: Gateway, release: str) -> bool:
    return not await has_pods(gateway, release)


# --- pins --------------------------------------------------------------------------------------------------


async def test_a_tester_reaches_any_release_with_pods(cluster: Cluster, gateway: Gateway) -> None:
    draining = "shop-dddddddddd"
    await cluster.scale(draining, 1)
    await gateway.follow(cluster.routes(0))
    await eventually(lambda: has_pods(gateway, draining))
    for release in (STABLE, CANDIDATE, draining):
        for _ in range(5):
            answer = await gateway.send(x_genaiops_release=release)
            assert (answer.status, answer.release) == (200, release)


async def test_a_pin_to_an_unknown_release_is_refused_and_not_quietly_served_by_stable(gateway: Gateway) -> None:
    answer = await gateway.send(x_genaiops_release="shop-0000000000")
    assert answer.status == 404
    error = error_of(answer)
    assert (error["type"], error["code"]) == ("invalid_request_error", "release_not_found")
    assert "kubectl get releases" in str(error["message"])


# --- testers -----------------------------------------------------------------------------------------------


async def test_testers_reach_the_candidate_before_it_has_any_weight(cluster: Cluster, gateway: Gateway) -> None:
    testers = (
        HeaderMatch(header="X-Team", exact="support"),
        HeaderMatch(header="user-agent", prefix="probe/"),
        HeaderMatch(cookie="beta", exact="yes"),
        HeaderMatch(cookie="group", prefix="staff-"),
    )
    await gateway.follow(cluster.routes(0, testers=testers))
    assert live_testers(await gateway.read(ROUTES_PATH)) == testers
    for headers in (
        {"x_team": "support"},
        {"user_agent": "probe/1.2"},
        {"cookie": "beta=yes"},
        {"cookie": "theme=dark; beta=yes; lang=en"},
        {"cookie": "group=staff-12"},
        {"x_team": "support", "x_conversation_id": "c1"},
    ):
        assert (await gateway.send(**headers)).release == CANDIDATE, headers
    for headers in (
        {},
        {"x_team": "support2"},
        {"user_agent": "a probe/1.2"},
        {"cookie": "beta=yesterday"},
        {"cookie": "alphabeta=yes"},
        {"cookie": "theme=beta=yes"},
        {"x_team": "support", "x_genaiops_release": STABLE},
    ):
        assert (await gateway.send(**headers)).release == STABLE, headers


async def test_testers_are_answered_by_stable_while_the_candidate_has_no_pod(
    cluster: Cluster, gateway: Gateway
) -> None:
    await gateway.follow(cluster.routes(0, testers=(HeaderMatch(header="x-team", exact="support"),)))
    cluster.pods[CANDIDATE][0].kill()
    for _ in range(5):
        answer = await gateway.send(x_team="support")
        assert (answer.status, answer.release) == (200, STABLE)


# --- copies ------------------------------------------------------------------------------------------------


async def test_a_share_of_chat_completions_is_copied_and_the_callers_get_stables_answer(
    cluster: Cluster, gateway: Gateway
) -> None:
    await gateway.follow(cluster.routes(0, shadow=30))
    assert live_shadow(await gateway.read(ROUTES_PATH)) == 30
    answers = [await gateway.send(x_conversation_id=str(number), host="shop.example") for number in range(400)]
    assert {(answer.status, answer.release) for answer in answers} == {(200, STABLE)}
    candidate = cluster.pods[CANDIDATE][0]
    for path in ("/v1/feedback", "/v1/models", "/v1/chat/completions/1"):
        await gateway.send(path)
    await gateway.ask_without_conversation(100)

    await gateway.follow(cluster.routes(0, shadow=0))
    copied = len(candidate.requests)
    assert within_four_sigma(copied, 400, 0.3)
    assert {path for path, _ in candidate.requests} == {"/v1/chat/completions"}
    # A copy is the request, body and all, and says what it is.
    of_stable = {headers["x-request-id"]: headers for _, headers in cluster.pods[STABLE][0].requests}
    for _, headers in candidate.requests:
        assert headers["x-genaiops-shadow"] == "true"
        original = of_stable[headers["x-request-id"]]
        assert "x-genaiops-shadow" not in original
        for name in ("host", "x-conversation-id", "content-length"):
            assert headers[name] == original[name]
    assert candidate.requests[0][1]["host"] == "shop.example"
    for _ in range(20):
        await gateway.send()
    assert len(candidate.requests) == copied


async def test_copying_changes_nobodys_release(cluster: Cluster, gateway: Gateway) -> None:
    conversations = [f"conversation-{number}" for number in range(300)]
    tester = HeaderMatch(header="x-team", exact="support")
    await gateway.follow(cluster.routes(40))
    split = {c: (await gateway.send(x_conversation_id=c)).release for c in conversations}
    await gateway.follow(cluster.routes(40, shadow=100, testers=(tester,)))
    assert {c: (await gateway.send(x_conversation_id=c)).release for c in conversations} == split
    # Neither testers nor pins are copied: the candidate has answered the one, and nobody asked it about the other.
    await gateway.follow(cluster.routes(0, shadow=100, testers=(tester,)))
    before = len(cluster.pods[CANDIDATE][0].requests)
    await gateway.send(x_team="support")
    await gateway.send(x_genaiops_release=STABLE)
    assert len(cluster.pods[CANDIDATE][0].requests) == before + 1


async def test_a_candidate_without_pods_is_not_noticed_by_whose_requests_are_copied(
    cluster: Cluster, gateway: Gateway
) -> None:
    await gateway.follow(cluster.routes(0, shadow=100))
    cluster.pods[CANDIDATE][0].kill()
    for _ in range(20):
        answer = await gateway.send()
        assert (answer.status, answer.release) == (200, STABLE)
    await healthy(gateway, {STABLE: 1, CANDIDATE: 0})
    # Without a pod of the candidate nobody gets the copy: stable does not answer twice.
    answered = len(cluster.pods[STABLE][0].requests)
    assert (await gateway.send()).status == 200
    assert len(cluster.pods[STABLE][0].requests) == answered + 1


@pytest.mark.parametrize("weight", [0, 100])
async def test_no_caller_can_pass_a_request_off_as_a_copy(cluster: Cluster, gateway: Gateway, weight: int) -> None:
    await gateway.follow(cluster.routes(weight))
    answer = await gateway.send(x_genaiops_shadow="true", host="shop-shadow")
    _, headers = cluster.pods[answer.release or ""][0].requests[-1]
    assert "x-genaiops-shadow" not in headers


# --- changes while it runs ---------------------------------------------------------------------------------


async def test_fifty_changes_of_weight_under_load_fail_no_request(cluster: Cluster, gateway: Gateway) -> None:
    answers: Counter[int] = Counter()
    over = asyncio.Event()

    async def caller(name: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            answer = await gateway.send(x_conversation_id=f"{name}-{number}")
            answers[answer.status] += 1
            # A third of a core: the load must not be what makes the changes slow.
            await asyncio.sleep(0.02)

    callers = [asyncio.create_task(caller(name)) for name in range(8)]
    try:
        for change in range(50):
            seconds = await gateway.follow(cluster.routes(change * 37 % 101))
            assert seconds < 1, f"change {change} was live after {seconds:.2f} s"
            await asyncio.sleep(0.01)
    finally:
        over.set()
        await asyncio.gather(*callers)
    assert set(answers) == {200}
    assert answers[200] > 100


async def test_a_candidate_whose_pod_was_seen_ready_takes_all_requests_at_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    await cluster.scale(STABLE, 1)
    async with running_gateway(cluster, cluster.routes(candidate=None), tmp_path) as gateway:
        await cluster.scale(CANDIDATE, 1)
        await gateway.follow(cluster.routes(0))
        await healthy(gateway, {STABLE: 1, CANDIDATE: 1})
        gateway.mount(cluster.routes(100))

        async def answered_by_candidate() -> bool:
            answer = await gateway.send()
            assert answer.status == 200
            return answer.release == CANDIDATE

        await eventually(answered_by_candidate)


async def test_promotion_fails_no_request_and_leaves_the_old_release_for_pins(
    cluster: Cluster, gateway: Gateway
) -> None:
    await gateway.follow(cluster.routes(100))
    await gateway.follow(cluster.routes(0, stable=CANDIDATE, candidate=None))
    assert await gateway.ask_without_conversation(200) == {CANDIDATE: 200}
    assert (await gateway.send(x_genaiops_release=STABLE)).release == STABLE


async def test_a_stream_goes_on_to_its_end_when_its_release_leaves_the_configuration(
    cluster: Cluster, gateway: Gateway
) -> None:
    await gateway.follow(cluster.routes(100))
    async with aiohttp.ClientSession() as session, session.post(f"{gateway.url}/stream") as response:
        await response.content.readexactly(9)
        await gateway.follow(GatewayRoutes(stable=STABLE, backends=(cluster.backend(STABLE),)))
        await healthy(gateway, {STABLE: 1})
        rest = await response.content.read()
    assert rest.count(b"data: x") == 19


# --- pods that come and go ---------------------------------------------------------------------------------


async def test_a_candidate_without_pods_falls_back_to_stable_by_itself(cluster: Cluster, gateway: Gateway) -> None:
    first, second = await cluster.scale(CANDIDATE, 2)
    await gateway.follow(cluster.routes(100))
    await healthy(gateway, {STABLE: 1, CANDIDATE: 2})
    assert await gateway.ask_without_conversation(100) == {CANDIDATE: 100}

    # One of two dies: the other takes all of the candidate's requests.
    first.kill()
    for _ in range(20):
        assert (await gateway.send()).status == 200
    await healthy(gateway, {STABLE: 1, CANDIDATE: 1})
    assert await gateway.ask_without_conversation(100) == {CANDIDATE: 100}

    # The last one dies: not a single request fails, not even before a health check has noticed.
    second.kill()
    for _ in range(20):
        answer = await gateway.send()
        assert (answer.status, answer.release) == (200, STABLE)
    await healthy(gateway, {STABLE: 1, CANDIDATE: 0})
    pinned = await gateway.send(x_genaiops_release=CANDIDATE)
    assert (pinned.status, error_of(pinned)["code"]) == (503, "no_ready_pod")

    # It comes back: so do its requests.
    await first.start()
    await healthy(gateway, {STABLE: 1, CANDIDATE: 1})
    assert await gateway.ask_without_conversation(100) == {CANDIDATE: 100}


async def test_a_pod_that_drains_is_left_and_ends_its_stream(cluster: Cluster, gateway: Gateway) -> None:
    draining, _ = await cluster.scale(STABLE, 2)
    await healthy(gateway, {STABLE: 2, CANDIDATE: 1})
    async with aiohttp.ClientSession() as session:
        streams = [await session.post(f"{gateway.url}/stream") for _ in range(8)]
        assert any(path == "/stream" for path, _ in draining.requests)
        draining.ready = False
        await healthy(gateway, {STABLE: 1, CANDIDATE: 1})
        taken = len(draining.requests)
        assert await gateway.ask_without_conversation(100) == {STABLE: 100}
        assert len(draining.requests) == taken
        for stream in streams:
            assert (await stream.content.read()).count(b"data: x") == 20


async def test_pods_are_those_that_the_service_lists(cluster: Cluster, gateway: Gateway) -> None:
    pods = await cluster.scale(STABLE, 3)
    await healthy(gateway, {STABLE: 3, CANDIDATE: 1})
    # A pod that left the Service is left, though it would still answer: its address may be another pod's next.
    cluster.publish(STABLE, pods[1:])
    await healthy(gateway, {STABLE: 2, CANDIDATE: 1})


async def test_a_request_that_reached_a_runtime_is_never_sent_again(cluster: Cluster, gateway: Gateway) -> None:
    first, second = await cluster.scale(STABLE, 2)
    await healthy(gateway, {STABLE: 2, CANDIDATE: 1})
    greedy = {"x_envoy_retry_on": "5xx,reset", "x_envoy_max_retries": "3"}

    failed = await gateway.send("/broken", **greedy)
    assert failed.status == 500
    broken = await gateway.send("/reset", **greedy)
    assert (broken.status, error_of(broken)["code"]) == (503, "gateway_error")

    assert [path for path, _ in first.requests + second.requests] in (["/broken", "/reset"], ["/reset", "/broken"])


# --- nothing to send to ------------------------------------------------------------------------------------


async def test_before_the_first_release_callers_are_told(cluster: Cluster, tmp_path: Path) -> None:
    async with running_gateway(cluster, GatewayRoutes(), tmp_path) as gateway:
        answer = await gateway.send()
    assert (answer.status, error_of(answer)["code"]) == (503, "no_release")


async def test_with_no_ready_pod_callers_are_told(cluster: Cluster, gateway: Gateway) -> None:
    await gateway.follow(cluster.routes(50))
    cluster.publish(STABLE, [])
    cluster.publish(CANDIDATE, [])
    await healthy(gateway, {STABLE: 0, CANDIDATE: 0})
    answer = await gateway.send(x_request_id="mine")
    assert (answer.status, answer.headers["x-request-id"]) == (503, "mine")
    error = error_of(answer)
    assert (error["type"], error["code"]) == ("server_error", "no_ready_pod")
    await eventually(lambda: '"request_id":"mine"' in gateway.log())


# --- what a request looks like behind the gateway ----------------------------------------------------------


async def test_the_callers_own_words_arrive_unchanged(cluster: Cluster, gateway: Gateway) -> None:
    request_id = str(uuid.uuid4())
    answer = await gateway.send(
        "/any/path?of=the&app=container",
        x_request_id=request_id,
        x_conversation_id="c1",
        authorization="Bearer token",
        x_forwarded_proto="https",
        x_forwarded_for="203.0.113.9",
    )
    path, headers = cluster.pods[STABLE][0].requests[-1]
    assert path == "/any/path?of=the&app=container"
    assert headers["x-request-id"] == request_id == answer.headers["x-request-id"]
    assert headers["x-conversation-id"] == "c1"
    assert headers["authorization"] == "Bearer token"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-for"].startswith("203.0.113.9,")
    assert answer.headers["server"] == "runtime"


async def test_a_request_without_an_id_gets_one(cluster: Cluster, gateway: Gateway) -> None:
    answer = await gateway.send()
    _, headers = cluster.pods[STABLE][0].requests[-1]
    assert uuid.UUID(answer.headers["x-request-id"]) == uuid.UUID(headers["x-request-id"])


async def test_http2_without_tls_is_served(gateway: Gateway) -> None:
    async with ClientBuilder().http2_prior_knowledge().build() as client:
        response = await client.get(f"{gateway.url}/v1/models").build().send()
        assert (response.status, response.version) == (200, "HTTP/2.0")


async def test_a_websocket_of_the_app_container_passes(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http)
    writer.write(b"GET /socket HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writer.close()


# --- the gateway's own life --------------------------------------------------------------------------------


async def test_the_network_can_read_what_is_live_and_do_nothing_else(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as session:

        async def status_of(method: str, path: str) -> int:
            url = URL(gateway.read_only_url + path, encoded=True)
            async with session.request(method, url) as response:
                return response.status

        for path in ("/ready", "/config_dump", "/clusters", "/stats/prometheus", ROUTES_PATH, CLUSTERS_PATH):
            assert await status_of("GET", path) == 200, path
            assert await status_of("POST", path) == 403, path
        for path in ("/quitquitquit", "/drain_listeners", "/healthcheck/fail", "/logging", "/stats", "/", "//ready"):
            for method in ("GET", "POST"):
                assert await status_of(method, path) == 403, path
        for disguised in ("/ready/../quitquitquit", "/ready%2f..%2fquitquitquit", "/clusters/../../quitquitquit"):
            assert await status_of("POST", disguised) == 403, disguised
    assert await gateway.is_ready()


async def test_a_gateway_pod_goes_without_losing_a_request(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{gateway.url}/stream") as running:
        await running.content.readexactly(9)
        pre_stop = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DRAIN_SCRIPT, gateway.admin_url, "0.3", "20"
        )

        async def is_taken_out() -> bool:
            return not await gateway.is_ready()

        await eventually(is_taken_out)
        # Until every node knows, new requests still come; they are answered, and their callers sent elsewhere.
        late = await gateway.send()
        assert (late.status, late.headers["connection"]) == (200, "close")
        assert pre_stop.returncode is None
        assert (await running.content.read()).count(b"data: x") == 19
    assert await pre_stop.wait() == 0
    await gateway.stop()


async def test_a_drain_ends_though_a_request_never_does(gateway: Gateway) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.http)
    writer.write(b"GET /socket HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    pre_stop = await asyncio.create_subprocess_exec(sys.executable, "-c", DRAIN_SCRIPT, gateway.admin_url, "0", "0.3")
    assert await asyncio.wait_for(pre_stop.wait(), 30) == 0
    writer.close()


async def test_it_needs_little_memory_and_says_nothing_while_all_is_well(gateway: Gateway) -> None:
    await gateway.ask_without_conversation(1000)
    assert gateway.process is not None
    # The rest of its resident pages is the binary, which all gateways of a node share.
    assert resident_megabytes(gateway.process.pid)["RssAnon"] < 40
    assert gateway.log() == ""
