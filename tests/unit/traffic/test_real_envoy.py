"""The gateway's configuration in a real Envoy."""
import asyncio, time, math
from collections import Counter
from pathlib import Path
import pytest
from gateway_on_loopback import *

@pytest.fixture
async def cluster():
    async with kubernetes() as c:
        yield c

async def test_split(cluster, tmp_path):
    await cluster.scale(STABLE, 1)
    await cluster.scale(CANDIDATE, 1)
    async with running_gateway(cluster, cluster.routes(0), tmp_path) as gateway:
        print(await gateway.healthy())
        ids = [f"conversation-{n}" for n in range(10_000)]
        for w in (0,1,5,25,50,100):
            print("live", await gateway.follow(cluster.routes(w)))
            t=time.time()
            a = await gateway.ask_all(ids)
            print(w, Counter(a.values()), time.time()-t)
        await gateway.follow(cluster.routes(50))
        print(await gateway.ask_without_conversation(4000))
        print(await gateway.send(x_conversation_id="a"), gateway.log())
        print(resident_megabytes(gateway.process.pid))
