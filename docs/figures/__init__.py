"""The figures of the manual, drawn from what totpcore computes. `PYTHONPATH=docs python -m figures` draws them anew.

Rules of this package:

1. Every number in a figure is computed here. A test draws each figure again and compares it with the file.
2. A figure is a white card with dark ink, so that it can be read on a dark page too.
3. What a colour says, a shape or a word says as well.
"""
