"""From a pydantic model to a structural schema, the form of OpenAPI that a CRD demands.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from genaiops.api.base import ApiModel, format_duration

Schema = dict[str, Any]


def structural_schema(struct: type[ApiModel]) -> Schema:
    """The schema of a model's manifest form: no references, no null, defaults included."""
    schema = struct.model_json_schema(by_alias=True, schema_generator=_WithDefaults)
    return _Structural(schema.pop("$defs", {})).of(schema)


class _WithDefaults(GenerateJsonSchema):
    """Pydantic's generator, with the defaults that a factory makes, and all of them in manifest form."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        if factory := schema.get("default_factory"):
            return factory()  # type: ignore[call-arg]  # no factory of ours takes the other fields
        return super().get_default_value(schema)

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, ApiModel):
            # Whole, with the defaults within: the API server holds a default against the rules as it stands.
            return _without_empty(dft.to_manifest())
        if isinstance(dft, list):
            return [self.encode_default(item) for item in dft]
        if isinstance(dft, timedelta):
            return format_duration(dft)
        return super().encode_default(dft)


class _Structural:
    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions

    def of(self, node: Schema) -> Schema:
        node = self._without_indirection(node)
        node.pop("title", None)
        self._close_maps(node)
        if "properties" in node:
            node["properties"] = {name: self.of(field) for name, field in node["properties"].items()}
        if isinstance(node.get("additionalProperties"), dict):
            node["additionalProperties"] = self.of(node["additionalProperties"])
        if "items" in node:
            node["items"] = self.of(node["items"])
            node.setdefault("x-kubernetes-list-type", "atomic")
        if node.get("default") in (None, [], {}):
            node.pop("default", None)  # an optional field that is absent says as much
        return dict(sorted(node.items(), key=_reading_order))

    def _without_indirection(self, node: Schema) -> Schema:
        """Resolve `$ref` and "or null": an optional field is one that is not required. What stands beside wins."""
        node = dict(node)
        while True:
            if "$ref" in node:
                name = node.pop("$ref").removeprefix("#/$defs/")
                node = {**self._definitions[name], **node}
            elif "anyOf" in node:
                (inner,) = (choice for choice in node.pop("anyOf") if choice != {"type": "null"})
                node = {**inner, **node}
            else:
                return node

    def _close_maps(self, node: Schema) -> None:
        # The API server prunes unknown fields by itself and knows "anything goes" by a name of its own.
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        elif node.get("additionalProperties") is True:
            del node["additionalProperties"]
            node["x-kubernetes-preserve-unknown-fields"] = True


def _reading_order(item: tuple[str, Any]) -> tuple[int, str]:
    first = ("description", "type", "required", "default")
    key = item[0]
    return (first.index(key) if key in first else len(first), key)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        pruned = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ([], {})}
    return value
