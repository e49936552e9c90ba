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
            # What equals a default within is left to the API server, which fills defaults from the outside in.
            return dft.model_dump(mode="json", by_alias=True, exclude_defaults=True)
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
        if "default" in node and _says_nothing(node):
            del node["default"]
        return node

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
        node.pop("propertyNames", None)


def _says_nothing(node: Schema) -> bool:
    """Whether a default is only noise: null, an empty list, or an empty object in which no default would follow."""
    default = node["default"]
    return default is None or default == [] or (default == {} and not _fills_defaults(node))


def _fills_defaults(node: Schema) -> bool:
    return any("default" in field for field in node.get("properties", {}).values())
