"""`manage.py preview_contact_sheet`: see many previews at once, and check blindly whether they show their prompts."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tchavi_studio.engines.formats import FIXED_ASPECT_RATIOS
from tchavi_studio.engines.preview.contact_sheet import (
    PROMPTS,
    listed_prompts,
    mounted,
    score,
    still,
    write_blind_check,
)

COLUMNS = 6


class Command(BaseCommand):
    help = "Draw contact sheets of previews, make a blind check of them, or score its answers."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        sheets = does.add_parser("sheets", help="one sheet for each aspect ratio, with a still of each prompt")
        blind = does.add_parser("blind", help="a sheet without words for each prompt, questions, and the key apart")
        for subparser in (sheets, blind):
            subparser.add_argument("folder", type=Path)
            subparser.add_argument("--prompts", type=Path, default=PROMPTS, help="a file with one prompt a line")
            subparser.add_argument("--seed", type=int, default=1)
        sheets.add_argument("--ratios", nargs="+", choices=FIXED_ASPECT_RATIOS, default=FIXED_ASPECT_RATIOS)
        scoring = does.add_parser("score", help="compare an answer file with the key")
        scoring.add_argument("folder", type=Path, help="the folder of the blind check")
        scoring.add_argument("answers", type=Path, help='{"01": 3, …}: the number of the candidate for each sheet')

    def handle(self, *, does: str, folder: Path, **options: Any) -> None:
        if does == "score":
            try:
                self.stdout.write(str(score(folder, options["answers"])))
            except (OSError, ValueError) as error:
                raise CommandError(str(error)) from error
            return
        folder.mkdir(parents=True, exist_ok=True)
        prompts = listed_prompts(options["prompts"])
        if does == "blind":
            write_blind_check(folder, prompts=prompts, seed=options["seed"])
            self.stdout.write(
                f"{len(prompts)} sheets and questions.json are in {folder}; the key is in {folder / 'key'}."
            )
            return
        for ratio in options["ratios"]:
            stills = [still(prompt, way=0.5, aspect_ratio=ratio, seed=options["seed"]) for prompt in prompts]
            path = folder / f"{ratio.replace(':', 'x')}.png"
            mounted(stills, columns=COLUMNS).save(path)
            self.stdout.write(str(path))
