"""The preview engine: renders a real video from a request on this machine, with no key and no network.

`PreviewEngine` (engine.py) is the parent's side. It runs the rendering in a sandboxed process, because rendering means
decoding strangers' files. The child (child.py) takes one request, draws and encodes.
"""

from tchavi_studio.engines.preview.engine import PreviewEngine

__all__ = ["PreviewEngine"]
