"""Harness of the end-to-end tests. Standard library and psycopg2 only."""
