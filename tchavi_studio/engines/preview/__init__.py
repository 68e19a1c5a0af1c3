"""The preview engine: renders a real animatic from a request on this machine, without any key or network.

`PreviewEngine` (engine.py) is the parent's side. It runs the rendering in a sandboxed process, because rendering means
decoding files that strangers gave. The child (child.py) takes one request, draws and encodes.
"""

from tchavi_studio.engines.preview.engine import PreviewEngine

__all__ = ["PreviewEngine"]
