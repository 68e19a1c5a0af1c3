"""What hands do in the composer."""

import io
import re
from collections.abc import Callable

import numpy as np
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect


def photo(name: str, seed: int) -> FilePayload:
    """A small photo of noise, different for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (320, 400, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=60)
    return {"name": name, "mimeType": "image/jpeg", "buffer": file.getvalue()}


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"label:has([name={name}][value='{value}'])").click()


def attach_photos(page: Page, count: int) -> None:
    page.set_input_files(".prompt-tools input[type=file]", [photo(f"photo-{n}.jpg", n) for n in range(count)])
    expect(page.locator(".chip[data-asset]")).to_have_count(count)


def names(page: Page) -> list[str]:
    return [face.get_attribute("title") or "" for face in page.locator(".group-images .chip-face").all()]


def quoted(page: Page, act: Callable[[], None]) -> None:
    """Do something and wait until the studio has quoted, and so kept, it."""
    page.wait_for_load_state("networkidle")
    with page.expect_response(re.compile("/create/quote/")):
        act()
    expect(page.locator("form.composer")).not_to_have_class(re.compile("is-quoting"))


def prompt(page: Page) -> str:
    return page.locator("[name=prompt]").input_value()
