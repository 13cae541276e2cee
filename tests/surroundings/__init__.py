"""The suite once more where other machines differ: no asserts, strict bytes, other clocks and tongues, no network.

Rules of this package:

1. Each surrounding is one line of `SURROUNDINGS`; its run is the same tests as everywhere, in an interpreter of its
   own.
2. A surrounding proves that it is there: `surroundings.plugin` fails the run where the flag, the time zone, the locale
   or the missing network did not take effect.
"""
