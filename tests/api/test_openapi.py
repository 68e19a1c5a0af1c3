"""The OpenAPI description says exactly what the API accepts and answers."""

import re
from collections.abc import Iterator
from datetime import datetime
from inspect import signature
from typing import Any

import pytest
from django.utils import translation

from tchavi_studio.api import urls
from tchavi_studio.api.openapi import document
from tchavi_studio.api.operations import OPERATIONS
from tchavi_studio.api.parameters import JOB_ID
from tchavi_studio.api.samples import LANGUAGES
from tchavi_studio.client import GenerationParams
from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.params import FIELDS
from tests.api.conftest import BODY, Program, only_generation
from tests.api.test_references import picture, upload

ORIGIN = "https://studio.example.org"


def description() -> dict[str, Any]:
    return document(origin=ORIGIN)


def followed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema or response that a `$ref` points to."""
    while "$ref" in schema:
        found: Any = description()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
KNOWN_WORDS = {
    "type", "enum", "const", "required", "properties", "items", "description", "examples", "default", "not",
    "minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern", "format", "contentMediaType",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """The places where `value` violates `schema`. Fields that aren't in the schema count too."""
    schema = followed(schema)
    assert set(schema) <= KNOWN_WORDS, f"this check does not know {set(schema) - KNOWN_WORDS}"
    names = schema.get("type", list(TYPES))
    names = names if isinstance(names, list) else [names]
    fits = any(isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name != "boolean") for name in names)
    if not fits:
        yield f"{where}: {value!r} isn't one of {names}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} isn't one of {schema['enum']}"
    if "not" in schema and not list(faults(value, schema["not"], where)):
        yield f"{where}: {value!r} is excluded"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: {value!r} is out of range"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match"
    if isinstance(value, str) and schema.get("format") == "date-time":
        datetime.fromisoformat(value)
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from faults(item, schema["items"], f"{where}[{position}]")
    if isinstance(value, dict) and "properties" in schema:
        yield from (f"{where}.{name} is missing" for name in schema["required"] if name not in value)
        for name, item in value.items():
            if name in schema["properties"]:
                yield from faults(item, schema["properties"][name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is not described"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def expect(response: Any, path: str, method: str) -> None:
    """Check that the answer's status, headers and body match the description."""
    described = description()["paths"][path][method]["responses"]
    assert str(response.status_code) in described, response.content
    answer = followed(described[str(response.status_code)])
    assert list(faults(response.json(), answer["content"]["application/json"]["schema"])) == []
    missing = [name for name in answer["headers"] if name not in response.headers and name != "Idempotent-Replayed"]
    assert missing == []


# --- The document -----------------------------------------------------------------------------------------------------


def test_the_description_is_public_under_both_paths(db: None) -> None:
    first, second = (Program("", base=base).get("/openapi.json") for base in ("/v1", "/api/v1"))
    assert first.status_code == 200
    assert first.json() == second.json() == document(origin="http://testserver")
    assert first.json()["openapi"] == "3.1.0"


def test_every_path_accepts_exactly_the_described_methods(program: Program) -> None:
    paths = description()["paths"]
    # Beside them there is the description itself, and whatever is not found.
    assert len(urls.urlpatterns) == len(paths) + 2
    for path, methods in paths.items():
        response = program.call("TRACE", path)
        assert (response.status_code, response["Allow"]) == (405, ", ".join(methods).upper())


def test_handlers_take_the_path_and_query_parameters() -> None:
    for operation in OPERATIONS:
        _call, *taken = signature(operation.handler).parameters
        given = [parameter.name for parameter in operation.parameters if parameter.place != "header"]
        assert taken == given, operation.id
        assert ("{id}" in operation.path) is (JOB_ID in operation.parameters)


def test_every_ref_resolves_and_every_component_is_used() -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    components = description()["components"]
    parts = {f"#/components/{kind}/{name}" for kind in ("schemas", "headers", "responses") for name in components[kind]}
    assert set(references(description())) == parts


def test_operation_ids_suit_generated_clients() -> None:
    ids = [operation["operationId"] for _path, _method, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in ids)


def test_the_description_and_the_client_have_the_validators_fields() -> None:
    schema = description()["components"]["schemas"]["GenerationRequest"]
    assert tuple(schema["properties"]) == FIELDS
    assert set(GenerationParams.__annotations__) - {"extra_body"} == set(FIELDS)
    assert schema["required"] == ["model", "prompt"]
    assert list(faults(schema["examples"][0], schema)) == []


@pytest.mark.parametrize(
    ("duration", "is_described"),
    [(-2, False), (-1, True), (0, False), (1, True), (15, True), (16, False), (None, True)],
)
def test_the_described_ranges_match_the_validator(program: Program, duration: int | None, is_described: bool) -> None:
    body = {**BODY, "duration": duration}
    schema = description()["components"]["schemas"]["GenerationRequest"]
    assert (list(faults(body, schema)) == []) is is_described
    assert (program.post("/videos/quote", body).status_code == 200) is is_described


def test_every_operation_has_a_valid_example_and_code_samples() -> None:
    for _path, _method, operation in operations():
        status = next(status for status in operation["responses"] if status.startswith("2"))
        content = operation["responses"][status]["content"]["application/json"]
        assert list(faults(content["example"], content["schema"])) == []
        assert [sample["lang"] for sample in operation["x-codeSamples"]] == list(LANGUAGES.values())
        assert f"{ORIGIN}/v1/" in operation["x-codeSamples"][0]["source"]


@pytest.mark.parametrize("method", [method for _path, _method, operation in operations() for method in [operation]])
def test_python_samples_compile(method: dict[str, Any]) -> None:
    source = next(sample["source"] for sample in method["x-codeSamples"] if sample["lang"] == "Python")
    compile(source, method["operationId"], "exec")


def test_the_description_is_translated() -> None:
    with translation.override("fr"):
        assert description()["openapi"] == "3.1.0"


# --- What is really answered ------------------------------------------------------------------------------------------


def test_answers_match_the_description(program: Program, complete: Any) -> None:
    job, jobs, create = "/jobs/{id}", "/jobs", "/videos/generations"
    first = program.generate(idempotency_key="a", model="kling-v3", duration=1, colour="gold")
    expect(first, create, "post")
    expect(program.generate(idempotency_key="a", model="kling-v3", duration=1, colour="gold"), create, "post")
    expect(program.generate(idempotency_key="a"), create, "post")
    expect(program.generate(duration=99), create, "post")
    expect(program.post(create, "{"), create, "post")
    expect(program.call("POST", create, data="x", content_type="text/plain"), create, "post")
    expect(program.generate(prompt="x" * 300_000), create, "post")
    expect(Program("").post(create, BODY), create, "post")
    expect(program.post("/videos/quote", BODY), "/videos/quote", "post")
    path = f"/jobs/{first.json()['id']}"
    expect(program.get(path), job, "get")
    complete(only_generation())
    expect(program.get(path), job, "get")
    expect(program.delete(path), job, "delete")
    second = program.generate().json()["id"]
    expect(program.delete(f"/jobs/{second}"), job, "delete")
    program.generate()
    fail_generation(Generation.objects.latest("created_at").pk, code="timeout", message="Too long.")
    expect(program.get("/jobs"), jobs, "get")
    program.generate(duration=15, resolution="720p")
    refused = program.generate(duration=15, resolution="720p")
    assert refused.status_code == 402
    expect(refused, create, "post")
    expect(program.get("/jobs?limit=x"), jobs, "get")
    expect(program.get("/jobs/job_1"), job, "get")
    expect(program.get("/credits"), "/credits", "get")
    expect(program.get("/models"), "/models", "get")
    expect(upload(program, picture("gold")), "/files", "post")
    expect(upload(program, b"nonsense"), "/files", "post")
