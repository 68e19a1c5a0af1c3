"""The OpenAPI document as the reference page shows it: flat, with every `$ref` resolved."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from tchavi_studio.api.openapi import document

Schema = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One parameter or field. `name` is a path such as "output.video_url"; `place` is "path", "query" or "header"."""

    name: str
    type: str
    description: str
    is_required: bool
    default: str = ""
    place: str = ""
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class Response:
    """One status an operation can respond with; only a success has an `example`."""

    status: str
    description: str
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The call in one programming language. `slug` is its name in CSS selectors."""

    language: str
    slug: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call of the API."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    body_example: str
    takes_file: bool
    responses: list[Response]
    fields: list[Field]
    samples: list[Sample]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A section of the page."""

    name: str
    title: str
    operations: list[Operation]


def reference_groups(*, origin: str) -> list[Group]:
    """Everything the page shows, in the document's order."""
    openapi = document(origin=origin)
    reader = _Reader(openapi["components"])
    operations: dict[str, list[Operation]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            operations.setdefault(operation["tags"][0], []).append(reader.operation(path, method, operation))
    return [
        Group(name=tag["name"], title=tag["description"], operations=operations[tag["name"]]) for tag in openapi["tags"]
    ]


class _Reader:
    """Reads one OpenAPI document, resolving its references."""

    def __init__(self, components: Schema) -> None:
        self._components = components

    def operation(self, path: str, method: str, operation: Schema) -> Operation:
        content = operation.get("requestBody", {}).get("content", {})
        body = self._resolve(content["application/json"]["schema"]) if "application/json" in content else {}
        success = next(status for status in operation["responses"] if status.startswith("2"))
        success_content = operation["responses"][success]["content"]["application/json"]
        return Operation(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            parameters=[self._parameter(parameter) for parameter in operation.get("parameters", [])],
            body=list(self._fields(body)),
            body_example=_indented(body["examples"][0]) if body else "",
            takes_file="multipart/form-data" in content,
            responses=[
                Response(
                    status=status,
                    description=self._resolve(response)["description"],
                    example=_indented(success_content["example"]) if status == success else "",
                )
                for status, response in operation["responses"].items()
            ],
            fields=list(self._fields(self._resolve(success_content["schema"]), deep=True)),
            samples=[
                Sample(language=sample["lang"], slug=sample["lang"].lower(), source=sample["source"])
                for sample in operation["x-codeSamples"]
            ],
        )

    def _resolve(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        *_root, kind, name = schema["$ref"].split("/")
        resolved: Schema = self._components[kind][name]
        return resolved

    def _parameter(self, parameter: Schema) -> Field:
        schema = parameter["schema"]
        return Field(
            name=parameter["name"],
            type=self._type(schema),
            description=parameter["description"],
            is_required=parameter.get("required", False),
            default=_plain(schema.get("default")),
            place=parameter["in"],
            example=_plain(schema.get("examples", [None])[0]),
        )

    def _fields(self, schema: Schema, prefix: str = "", *, deep: bool = False) -> Iterator[Field]:
        """The fields of an object; with `deep`, also those of objects and lists inside it."""
        for name, unresolved in schema.get("properties", {}).items():
            field = self._resolve(unresolved)
            inner = self._resolve(field.get("items", field))
            is_list = "items" in field
            yield Field(
                name=prefix + name,
                type=self._type(field),
                description=field.get("description", ""),
                is_required=name in schema.get("required", []),
                default=_plain(field.get("default")),
            )
            if deep:
                yield from self._fields(inner, f"{prefix}{name}{'[]' if is_list else ''}.", deep=True)

    def _type(self, schema: Schema) -> str:
        """A value's type, in words."""
        if "enum" in schema:
            return " · ".join(value for value in schema["enum"] if value is not None)
        if "const" in schema:
            return str(schema["const"])
        if "items" in schema:
            items = self._resolve(schema["items"])
            return _("list of %(type)s") % {"type": self._type(items)}
        names = {
            "string": _("text"),
            "integer": _("whole number"),
            "number": _("number"),
            "boolean": _("true or false"),
            "object": _("object"),
        }
        formats = {"uri": "URL", "date-time": _("date and time")}
        # The description says when null is possible; in a request it means the same as leaving the field out.
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        return formats.get(schema.get("format", "")) or names[next(name for name in types if name != "null")]


def _plain(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _indented(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
