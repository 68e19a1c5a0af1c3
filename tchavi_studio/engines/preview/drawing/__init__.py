"""Drawing: a shot in, frames out. One art direction: layers of cut paper in one light, under a multiplane camera.

`stage_for` (staging.py) puts a shot's setting, figures and weather on a stage; `Stage.film` (stage.py) gives a frame.
"""

import cv2

from tchavi_studio.engines.preview.drawing.captions import Captions
from tchavi_studio.engines.preview.drawing.staging import DrawnShot, setting_of, stage_for

__all__ = ["Captions", "DrawnShot", "setting_of", "stage_for"]

cv2.setNumThreads(1)  # Drawing and encoding already share two cores, and threads would only cost more time in total.
