"""The seal: its format, its keys, what opens and what does not, and sealing everything anew."""
