"""Answers that are worth evaluating, as rows of a dataset."""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from genaiops.api.dataset import Row
from genaiops.quality.store import Curated, Kind


def rows(found: Iterable[Curated], kind: Kind) -> Iterator[Row]:
    """Each answer's question, and the right answer where somebody gave one; what is too long for a row is left out."""
    for one in found:
        try:
            yield Row(id=one.id[-32:], query=one.question, expected=one.correction, tags=[kind.value, one.release])
        except ValidationError:
            continue
