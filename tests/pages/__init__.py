"""What the tests of the example panels share that show the pages of `panel_pages`.

Rules of this package:

1. A class is a contract to inherit, beside a fixture `live`: the panel, running, on a clock that is moved by hand.
2. Nothing here knows a framework: what a panel answers is `Answer`, who asks is `Visitor`.
3. What holds for a panel with any pages is in `browser`.
"""
