"""An app of one's own in a Django project that has the second factor: views, a receiver, and their tests."""
