"""What a prompt asks for: words in, a shot list out. Pure functions; nothing here draws or reads files.

`read_prompt` (reading.py) finds the words it knows (vocabulary.py, lexicon.py) and arranges them as shots
(shotlist.py).
"""

from tchavi_studio.engines.preview.script.lexicon import label_of
from tchavi_studio.engines.preview.script.reading import read_prompt
from tchavi_studio.engines.preview.script.shotlist import Shot, ShotList

__all__ = ["Shot", "ShotList", "label_of", "read_prompt"]
