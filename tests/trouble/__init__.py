"""Everything around totpcore fails: the clock, the sealer, the store, the disk, the process, and the interpreter.

Rules of this folder:

1. Whatever breaks, and wherever, nobody is let in by it: a call that met with trouble raises.
2. What was stored before stays: a spent counter, a charged attempt, the recovery codes that are left.
3. What surfaces shows nothing secret.
4. Afterwards the service works, and answers as if the trouble had not been, or as if the change had been made: never
   something between.
"""
