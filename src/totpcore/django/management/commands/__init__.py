"""`manage.py totpcore`."""
