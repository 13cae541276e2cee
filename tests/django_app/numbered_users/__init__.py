"""An application whose users log in with a number, and have children by multi-table inheritance, and an admin."""
