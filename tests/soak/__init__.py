"""The soak: every store, for long, with racers, and with clients and servers that are killed at random moments.

Rules of this package:

1. Of racers that are released at once with one fresh code, one is accepted and the others are told that it is spent.
2. What was told before a process was killed is true afterwards: `trouble.victims` says what that is.
3. A broken promise ends the store's run, and names the seed and the round. Nothing is tried again to see whether it
   goes well the next time.
4. Each store has a process of its own, so that none is run on what another left behind.
"""
