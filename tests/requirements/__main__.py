"""`python -m requirements`: write the pages, and say what is missing. `PYTHONPATH=src:tests`."""

import sys

from requirements.matrix import Matrix
from requirements.pages import CHECKLIST, TABLE, write

matrix = Matrix.now()
for gap in matrix.gaps():
    print(gap)
write(matrix)
print(f"{TABLE.name} and {CHECKLIST.name} are written: {len(matrix.rows)} requirements, {len(matrix.gaps())} gaps")
sys.exit(bool(matrix.gaps()))
