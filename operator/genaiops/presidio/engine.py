"""Presidio's analyzer, made so that it asks no network, and says at its start what it lacks.

Imports spaCy (100 MB of memory): only the worker process does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider
from spacy.language import Language
from spacy.tokens import Doc

from genaiops.presidio.settings import Settings
from genaiops.presidio.worker import Found, SetupError

# It judges whether a domain can be one, by a list that it would fetch; its package has a copy.
tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # type: ignore[assignment]

_COUNTED = ("CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY", "WORK_OF_ART")
"""What spaCy's models find and nobody would call personal; organisations are left out by a request's `entities`."""


class Engine:
    """Finds personal data in texts."""

    def __init__(self, settings: Settings) -> None:
        """Takes a second, and longer with a model. Raises SetupError."""
        codes = [code for code, _ in settings.languages]
        nlp = _Spacy(settings.languages)
        nlp.load()
        registry = _registry(settings.recognizers, codes)
        if read := set(codes).difference(settings.without_model):
            registry.add_nlp_recognizer(nlp)
            registry.recognizers = [
                recognizer
                for recognizer in registry.recognizers
                if not isinstance(recognizer, SpacyRecognizer) or recognizer.supported_language in read
            ]
        self._analyzer = AnalyzerEngine(registry, nlp, supported_languages=codes)
        self.entities: Mapping[str, frozenset[str]] = {
            code: frozenset(self._analyzer.get_supported_entities(code)) for code in codes
        }
        """What can be found, by language."""

    def find(self, text: str, language: str, entities: Sequence[str], threshold: float) -> list[Found]:
        """Findings in order; they may overlap. `entities`: all where empty."""
        results = self._analyzer.analyze(text, language, list(entities) or None, score_threshold=threshold)
        found = [Found(each.entity_type, each.score, each.start, each.end) for each in results]
        return sorted(found, key=lambda each: (each.start, -each.end))


class _Spacy(SpacyNlpEngine):
    """spaCy's models where they are installed, and its tokenisers where a language has none: it downloads nothing."""

    def __init__(self, languages: Sequence[tuple[str, str | None]]) -> None:
        super().__init__(ner_model_configuration=NerModelConfiguration(labels_to_ignore=_COUNTED))
        self._languages = languages

    def load(self) -> None:
        self.nlp = {  # type: ignore[assignment]  # None until here
            code: _loaded(code, model) if model else _blank(code) for code, model in self._languages
        }


def _loaded(code: str, model: str) -> Language:
    try:
        return spacy.load(model)
    except (OSError, ValueError, ImportError) as error:
        raise SetupError(
            f"--language {code}={model}: spaCy can't load this model ({type(error).__name__}). Build it into the image "
            f"(--build-arg SPACY_MODELS=...), or mount its folder and name that, or write --language {code}: patterns, "
            "checksums and context words work without a model, names and places aren't found"
        ) from error


def _blank(code: str) -> Language:
    try:
        pipeline = spacy.blank(code)
    except ImportError as error:
        raise SetupError(f"--language {code}: spaCy knows no such language") from error
    pipeline.add_pipe(_words_themselves.__name__)
    return pipeline


@Language.component("_words_themselves")
def _words_themselves(doc: Doc) -> Doc:
    # Context words ("my phone is ...") are compared with lemmas, which only a model knows.
    for token in doc:
        token.lemma_ = token.lower_
    return doc


def _registry(file: Path | None, codes: Sequence[str]) -> RecognizerRegistry:
    if file is None:
        return RecognizerRegistryProvider(
            registry_configuration={"supported_languages": list(codes)}
        ).create_recognizer_registry()
    try:
        registry = RecognizerRegistryProvider(conf_file=file).create_recognizer_registry()
    except Exception as error:  # what Presidio raises for a file that is none is of many types
        raise SetupError(f"--recognizers {file}: Presidio can't read it: {error}") from error
    if set(registry.supported_languages) != set(codes):
        raise SetupError(
            f"--recognizers {file}: its supported_languages are {', '.join(registry.supported_languages)}; --language "
            f"names {', '.join(codes)}. They have to be the same"
        )
    return registry
