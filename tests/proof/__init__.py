"""One page with every number of the proof: `tox run -e proof`.

Rules of this package:

1. A line of the page is run there and then, or says when it was last run in full; what was run in full is committed as
   data beside the tests that made it.
2. A gap is red, and red is an exit code: a class without a check, a twin that survives, a requirement that no test
   names, a state with a broken promise, a mismatch, a crash, a skip, a score below the bound or of code that is gone.
3. Where code has changed since the explorer, the oracles or the fuzzers were run in full, the line says which. They are
   run in part each time, on the code as it is.
"""
