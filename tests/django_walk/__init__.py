"""Going through a page about Django as a reader does: its blocks of code, the project that they make, a visitor to it.

Rule 1. Nothing here knows what a page says.
"""
