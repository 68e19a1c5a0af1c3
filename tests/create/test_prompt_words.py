"""Words to insert into a prompt: the preview engine must understand each, in both languages."""

import pytest
from django.test import Client
from django.utils import translation

from tchavi_studio.create.prompt_words import PROMPT_WORDS
from tchavi_studio.engines.preview.script import read_prompt
from tchavi_studio.engines.preview.script.shotlist import Field

from .test_quote import Url

FIELDS = {
    "Camera": {Field.CAMERA, Field.SPEED, Field.DIRECTION},
    "Framing": {Field.SIZE},
    "Light": {Field.TIME, Field.LIGHT},
}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_previews_understand_every_word_alone_and_in_its_example(language: str) -> None:
    misread = []
    for group in PROMPT_WORDS:
        expected = FIELDS[str(group.title)]
        for word in group.words:
            with translation.override(language):
                text, example = str(word.text), str(word.example)
            alone = {reading.field for reading in read_prompt(text, duration_seconds=5).readings}
            in_example = {reading.field for reading in read_prompt(example, duration_seconds=5).readings}
            if not alone or not alone <= expected or not in_example & expected or text.lower() not in example.lower():
                misread.append((text, alone, example, in_example))
    assert misread == []


def test_the_composer_offers_them(alice_browser: Client, url: Url) -> None:
    page = alice_browser.get(url("page")).content.decode()
    assert page.count("data-insert=") == sum(len(group.words) for group in PROMPT_WORDS) == 26
