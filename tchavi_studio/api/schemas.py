"""JSON Schemas: for answers from their record types, for requests from the validator's limits."""

from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Kind as FileKind
from tchavi_studio.client.records import Doc, Values
from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.models import Engine
from tchavi_studio.generations.params import (
    DEFAULTS,
    MAX_DURATION_SECONDS,
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEO_SECONDS,
    MAX_REFERENCE_VIDEOS,
    MIN_DURATION_SECONDS,
    MODELS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
)
from tchavi_studio.ledger.models import Book
from tchavi_studio.ledger.models import Kind as TransferKind

from .examples import REQUEST

Schema = dict[str, Any]

VALUES: dict[Values, Schema] = {
    Values.MODEL: {"enum": list(MODELS)},
    Values.RESOLUTION: {"enum": list(RESOLUTIONS)},
    Values.SEED: {"minimum": 0, "maximum": SEED_MAX},
    Values.ENGINE: {"enum": Engine.values},
    Values.BOOK: {"enum": Book.values},
    Values.FILE_KIND: {"enum": FileKind.values},
    Values.TRANSFER_KIND: {"enum": TransferKind.values},
}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Components:
    """The named schemas that answers and list items refer to, in the active language."""

    def __init__(self) -> None:
        self.schemas: Schema = {"GenerationRequest": generation_request()}

    def reference(self, record: type) -> Schema:
        """A `$ref` to the schema of a record, which is added if it isn't there yet."""
        name = record.__name__.removesuffix("Record")
        if name not in self.schemas:
            self.schemas[name] = self._schema(record)
        return {"$ref": f"#/components/schemas/{name}"}

    def _schema(self, declared: Any) -> Schema:
        kind, arguments = get_origin(declared), get_args(declared)
        if kind is NotRequired:
            return self._schema(arguments[0])
        if kind is Annotated:
            declared, *notes = arguments
            schema = self._schema(declared)
            for note in notes:
                schema |= _noted(note)
            return schema
        if kind is UnionType:
            [declared] = [argument for argument in arguments if argument is not NoneType]
            return _or_null(self._schema(declared))
        if kind is Literal:
            [value] = arguments
            return {"type": "string", "const": value}
        if kind is list:
            [item] = arguments
            return {"type": "array", "items": self.reference(item) if is_typeddict(item) else self._schema(item)}
        if kind is dict:
            return {"type": "object"}
        if is_typeddict(declared):
            fields = get_type_hints(declared, include_extras=True)
            return {
                "type": "object",
                "required": [name for name in fields if name in declared.__required_keys__],
                "properties": {name: self._schema(field) for name, field in fields.items()},
            }
        if issubclass(declared, StrEnum):
            return {"type": "string", "enum": [value.value for value in declared]}
        return {"type": TYPES[declared]}


def _noted(note: Doc | Values) -> Schema:
    """The keywords that a field's declaration adds to those of its type."""
    if isinstance(note, Values):
        return VALUES[note]
    return {**note.keywords, **({"description": _(note.description)} if note.description else {})}


def _or_null(schema: Schema) -> Schema:
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def generation_request() -> Schema:
    """The body of a request for a clip. A null field counts as missing."""
    required = ("model", "prompt")
    fields: Schema = {
        "model": {
            "type": "string",
            "enum": list(MODELS),
            "description": "; ".join(f"{key}: {name}" for key, name in MODELS.items()),
        },
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": PROMPT_MAX_LENGTH,
            "description": _("The scene and its motion. References are named [Image1], [Video1], [Audio1]."),
        },
        "duration": {
            "type": "integer",
            "minimum": AUTO_DURATION_SECONDS,
            "maximum": MAX_DURATION_SECONDS,
            "not": {"const": 0},
            "description": _("Whole seconds, %(min)s to %(max)s; −1 lets the model choose and is billed as 10 s.")
            % {"min": MIN_DURATION_SECONDS, "max": MAX_DURATION_SECONDS},
        },
        "resolution": {"type": "string", "enum": list(RESOLUTIONS)},
        "aspect_ratio": {
            "type": "string",
            "enum": list(ASPECT_RATIOS),
            "description": _("“adaptive” follows the first picture."),
        },
        "generate_audio": {"type": "boolean", "description": _("Dialogue, effects and music.")},
        "seed": {
            "type": "integer",
            **VALUES[Values.SEED],
            "description": _("The same seed makes a similar clip again. Random if left out."),
        },
        "image_url": {**_URL, "description": _("First frame. Can't be combined with reference_images.")},
        "last_frame_image_url": {**_URL, "description": _("Last frame. Needs image_url.")},
        "reference_images": _urls(MAX_REFERENCE_IMAGES, _("Named in the prompt as [Image1], [Image2], …")),
        "reference_videos": _urls(
            MAX_REFERENCE_VIDEOS, _("At most %(max)s s in total.") % {"max": MAX_REFERENCE_VIDEO_SECONDS}
        ),
        "reference_audios": _urls(MAX_REFERENCE_AUDIOS, _("Need image_url or reference_images.")),
    }
    for name in fields.keys() - required:
        default = {"default": DEFAULTS[name]} if name in DEFAULTS else {}
        fields[name] = {**_or_null(fields[name]), **default}
    return {"type": "object", "required": list(required), "properties": fields, "examples": [REQUEST]}


_URL: Schema = {"type": "string", "format": "uri"}


def _urls(max_items: int, description: str) -> Schema:
    return {"type": "array", "maxItems": max_items, "items": _URL, "description": description}
