"""The warning of a server that may forget what it was asked to keep."""


class DurabilityWarning(UserWarning):
    """A store's server is set up so that it can lose a change after it said that it was made.

    A spent counter that is lost is a code that opens twice. The text names the setting, what it costs, and the setting
    that does not.
    """
