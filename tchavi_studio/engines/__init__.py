"""What turns a request into a clip. Engines know files, URLs and the wire; they know nothing of Django."""
