"""The contract's parameters and prices, written independently of the studio's code."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

MODELS = ("seedance-2", "kling-v3")
CREDITS_PER_SECOND = {"480p": 260, "720p": 580}
ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "adaptive")
LISTS = {"reference_images": 9, "reference_videos": 3, "reference_audios": 3}
REFERENCES = ("image_url", "last_frame_image_url", *LISTS)
FIELDS = ("model", "prompt", "duration", "resolution", "aspect_ratio", "generate_audio", "seed", *REFERENCES)
AUTO_DURATION_SECONDS = -1
AUTO_BILLED_SECONDS = 10


class BadRequestError(Exception):
    """`param` breaks a rule of the table."""

    def __init__(self, param: str, rule: str) -> None:
        super().__init__(f"{param}: {rule}")
        self.param = param


def check(body: Any, *, refuses_unknown_fields: bool) -> dict[str, Any]:
    """The request's fields, if they keep every rule. Types are those of JSON: `true`, "5" and 2.5 are no integers."""
    if not isinstance(body, dict):
        raise BadRequestError("body", "must be a JSON object")
    for name in body:
        if refuses_unknown_fields and name not in FIELDS:
            raise BadRequestError(name, "is not a parameter")
    given = {name: value for name, value in body.items() if name in FIELDS}

    def require(name: str, kept: bool, rule: str) -> None:
        if not kept:
            raise BadRequestError(name, rule)

    def integer(name: str, default: int) -> int:
        value = given.get(name, default)
        require(name, isinstance(value, int) and not isinstance(value, bool), "must be an integer")
        return int(value)

    prompt, duration = given.get("prompt"), integer("duration", 5)
    require("model", given.get("model") in MODELS, f"must be one of {MODELS}")
    require("prompt", isinstance(prompt, str) and bool(prompt.strip()), "must be a text")
    require("prompt", len(str(prompt)) <= 10_000 and "\0" not in str(prompt), "must have 1 to 10,000 characters")
    require("duration", duration == AUTO_DURATION_SECONDS or 1 <= duration <= 15, "must be 1 to 15, or -1")
    require("resolution", given.get("resolution", "480p") in CREDITS_PER_SECOND, "must be 480p or 720p")
    require("aspect_ratio", given.get("aspect_ratio", "16:9") in ASPECT_RATIOS, f"must be one of {ASPECT_RATIOS}")
    require("generate_audio", isinstance(given.get("generate_audio", True), bool), "must be true or false")
    require("seed", 0 <= integer("seed", 0) < 2**32, "must be 0 to 4294967295")
    for name in ("image_url", "last_frame_image_url"):
        require(name, name not in given or is_web_address(given[name]), "must be an http(s) URL")
    for name, most in LISTS.items():
        urls = given.get(name, [])
        require(name, isinstance(urls, list) and len(urls) <= most, f"must be a list of at most {most}")
        require(name, all(map(is_web_address, urls)), "must hold http(s) URLs")
    has_first, has_images = "image_url" in given, bool(given.get("reference_images"))
    require("last_frame_image_url", "last_frame_image_url" not in given or has_first, "requires image_url")
    require("reference_images", not (has_images and has_first), "can't be together with image_url")
    require("reference_audios", not given.get("reference_audios") or has_first or has_images, "requires an image")
    return given


def is_web_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def reference_urls(params: Mapping[str, Any]) -> list[str]:
    """All URLs of a request, in the table's order."""
    urls: list[str] = []
    for name in REFERENCES:
        value = params.get(name, [])
        urls += [value] if isinstance(value, str) else value
    return urls


def billed_seconds(params: Mapping[str, Any]) -> int:
    duration = int(params.get("duration", 5))
    return AUTO_BILLED_SECONDS if duration == AUTO_DURATION_SECONDS else duration


def price_credits(params: Mapping[str, Any], *, audio_surcharge_credits: int = 0) -> int:
    """The price of a request; the surcharge is per second, for requests with audio."""
    per_second = CREDITS_PER_SECOND[params.get("resolution", "480p")]
    if params.get("generate_audio", True):
        per_second += audio_surcharge_credits
    return per_second * billed_seconds(params)
