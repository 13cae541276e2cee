"""Every small change to the audit path, and whether the fast tests notice it.

Rules of this package:

1. cosmic-ray makes the mutants; each is run in a copy of the source, never in the source.
2. A mutant that no test notices within the time limit is a survivor. Each stands in `results.json`, and the reason why
   it is equivalent or harmless in `reasons.json`.
3. Results belong to the code they were made from: a module's carry the fingerprint of its syntax tree, and count for
   nothing once it changes. What is there already is not run again, so a run can be stopped and resumed at any point.
4. What never comes to an end is noticed by the time limit; it counts as killed and is listed apart.
5. The score is killed mutants by all mutants; one that is equivalent counts as a survivor all the same.
"""
