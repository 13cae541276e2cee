"""Timing: what an answer costs, counted and measured.

Rules of this folder:

1. The proof is the counting (`test_counts.py`): hit, miss and replay run the same hashes and the same comparisons, and
   what is refused before the match runs none. Counts are exact and the same on every machine.
2. The measuring (`test_welch.py`) is an alarm, not a proof. A statistic that is large in five measurements in a row is
   a reason to look; one that is small says that nothing as large as the leaks in the positive controls was there, on
   this machine, in this process, on that day.
3. What must not show is how much of a wrong code was right: there Welch's t has to stay small. Whether a code was
   accepted is the answer itself. Hit, miss and replay do differ by some hundred nanoseconds, the time to make the
   answer, and the t-test sees that; what is held there is that the difference is less than half of one candidate's
   cost, so that it cannot be a candidate that was left out. Around a store they differ by much more: a wrong code is
   written down, a replayed one is not.
4. None of this shows that CPython, the hash library or the processor take constant time, or what a network lets
   through.
"""
