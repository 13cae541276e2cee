"""An application with users of its own: known by a UUID and an e-mail address. A process has one model of users."""
