"""What the browser tests of the panels share: a real Chromium, what it shows, and codes of an independent generator.

Rule 1. Nothing here knows a panel.
Rule 2. Codes come from oathtool, never from the library that is under test, wherever a test is about logging in.
"""
