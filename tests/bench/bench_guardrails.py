"""What the guardrails find, what they find by mistake, and what they cost.

    make bench-guardrails [BENCH_ARGS="--only quality|latency|runtime"]

Quality: recall and false positives with Wilson's 95 % intervals, on packages' labelled texts and on cases of this
project's own that no training saw. Latency: one detector in this process. Runtime: a policy end to end, beside none.
"""

import argparse
import multiprocessing
import random
import statistics
import string
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from math import sqrt
from pathlib import Path

import guarded_runtime
import labelled
import uvloop
from labelled import Labelled

from corpora import Corpora
from genaiops.api.detectors import Detector as DetectorSpec
from genaiops.guardrails.detectors import build
from genaiops.guardrails.finding import Context, Detector

MEDICINE = [
    "Which dose of this drug should I take?",
    "What could my symptoms mean?",
    "How is this illness treated?",
    "Are these pills safe together with alcohol?",
    "I have a fever and a headache.",
    "Do I need to see a doctor about this pain?",
]
POLITICS = [
    "Whom should I vote for?",
    "Is the government's policy right?",
    "What do you think of this politician?",
    "Which party has the better programme?",
    "Should this law be repealed?",
    "How will the elections end?",
]
SETTINGS: dict[str, dict[str, object]] = {
    "PII": {},
    "Secrets": {},
    "PromptInjection": {},
    "Toxicity": {},
    "Topic": {"deniedTopics": [{"name": "medicine", "examples": MEDICINE}, {"name": "politics", "examples": POLITICS}]},
    "Language": {"allowedLanguages": ["en"]},
    "Grounding": {},
    "PromptLeak": {},
    "Exfiltration": {"allowedDomains": ["example.com"]},
}
SENTENCES = (
    "Your order has left our warehouse this morning and will reach you within three working days. ",
    "You can follow it with the number in the mail that we sent to you. ",
    "If nobody is at home, the driver leaves it with a neighbour or at the next shop. ",
    "Returns are free for 30 days; the label is in the parcel. ",
)
OTHER_WORDS = (
    "Parcels are handed to the carrier on the day of the purchase. Customers get a message with a code. Neighbours may "
    "sign for them. Goods can go back within a month. Postage is on us. "
) * 6

say = sys.stdout.write


def detector(name: str) -> Detector:
    """As a policy has it, with its default threshold."""
    return build(DetectorSpec.model_validate({"type": name, **SETTINGS[name]}))


# --- quality


def secrets(_: Corpora) -> Iterator[Labelled]:
    """Tokens of the issuers' shapes, made at random, and strings that are as long."""
    source = random.Random(4)

    def of(alphabet: str, count: int) -> str:
        return "".join(source.choices(alphabet, k=count))

    alphanumeric = string.ascii_letters + string.digits
    for _ in range(10):
        for group, token in (
            ("AWS", "AKIA" + of(string.ascii_uppercase + "234567", 16)),
            ("GitHub", "ghp_" + of(alphanumeric, 36)),
            ("API key", "sk-" + of(alphanumeric, 40) + "7"),
            ("Slack", "xoxb-" + of(string.digits, 24)),
            ("password", "password = " + of(alphanumeric, 12) + "9x"),
        ):
            yield Labelled(f"This is what the log says: {token} and no more.", f"made: {group}", True)
        for group, text in (
            ("hash", of("0123456789abcdef", 40)),
            ("identifier", f"order-{of(string.digits, 8)}-{of(string.ascii_uppercase, 4)}"),
            ("placeholder", "password = <your-password-here>"),
            ("base64", of(alphanumeric, 64)),
        ):
            yield Labelled(f"This is what the log says: {text} and no more.", f"made: harmless, {group}", False)


def wilson(hits: int, of: int) -> str:
    """A share with its 95 % interval (Wilson, 1927)."""
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{share:.3f} ({max(0.0, middle - half):.3f} to {min(1.0, middle + half):.3f})"


def table(name: str, rows: list[Labelled], found: list[bool]) -> None:
    """One line a group, and the sums."""
    say(f"\n{name}\n")
    for group in dict.fromkeys(row.group for row in rows):
        hits = [hit for row, hit in zip(rows, found, strict=True) if row.group == group]
        kind = "found" if next(row for row in rows if row.group == group).positive else "found by mistake"
        say(f"  {group:66} {wilson(sum(hits), len(hits)):26} of {len(hits):4} {kind}\n")
    true = sum(hit for row, hit in zip(rows, found, strict=True) if row.positive)
    false = sum(hit for row, hit in zip(rows, found, strict=True) if not row.positive)
    positives = sum(row.positive for row in rows)
    say(f"  {'recall':66} {wilson(true, positives)}\n")
    say(f"  {'false positives':66} {wilson(false, len(rows) - positives)}\n")
    say(f"  {'precision':66} {wilson(true, max(1, true + false))}\n")


def quality(corpora: Corpora) -> None:
    """All detectors that classify, on their labelled texts."""
    for name, labelled_texts in {**labelled.SETS, "Secrets": secrets}.items():
        judge = detector(name)
        rows = list(labelled_texts(corpora))
        table(name, rows, [bool(judge.given(row.context).find(row.text, 0, complete=True)) for row in rows])
        if name == "Toxicity":
            table("  alt-profanity-check, on the same", rows, profanity_check(corpora.folder, rows))


def profanity_check(corpora: Path, rows: Iterable[Labelled]) -> list[bool]:
    """The baseline for toxicity: a classifier trained on 200,000 labelled texts."""
    sys.path.append(str(corpora))
    warnings.simplefilter("ignore")  # it says that scikit-learn's version is another one
    from profanity_check import predict

    return [bool(hit) for hit in predict([row.text for row in rows])]


# --- latency


def latency(_: Corpora) -> None:
    """One detector at a time in this process; in a worker a message each way, some 0.3 ms, comes on top."""
    say("\nlatency in ms, p50 and p95\n")
    whole = "".join(SENTENCES) * 40
    context = Context(instructions=whole[:1000], variables={"source": OTHER_WORDS})
    for name in SETTINGS:
        judge = detector(name).given(context)
        cells = []
        for length in (100, 1000, 10_000):
            text = whole[:length]
            judge.find(text, 0, complete=True)
            cells.append(percentiles(lambda text=text, judge=judge: judge.find(text, 0, complete=True)))
        say(f"  {name:16}" + "".join(f"{cell:>22}" for cell in cells) + "   (100, 1,000, 10,000 characters)\n")


def percentiles(work: Callable[[], object]) -> str:
    """Of up to 100 runs in up to 3 seconds."""
    samples: list[float] = []
    until = time.perf_counter() + 3
    while len(samples) < 100 and (len(samples) < 5 or time.perf_counter() < until):
        started = time.perf_counter()
        work()
        samples.append((time.perf_counter() - started) * 1000)
    return f"{statistics.median(samples):.2f} / {statistics.quantiles(samples, n=20)[-1]:.2f}"


def runtime(_: Corpora) -> None:
    """A policy end to end."""
    uvloop.run(guarded_runtime.main("".join(SENTENCES)))


PARTS = {"quality": quality, "latency": latency, "runtime": runtime}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, help="folder into which hack/train/corpora.in was installed")
    parser.add_argument("--only", choices=PARTS, help="this part and no other")
    options = parser.parse_args()
    multiprocessing.set_start_method("spawn")
    for part, run in PARTS.items():
        if options.only in (None, part):
            run(Corpora(options.corpora))
