"""Both stores as the tests see them: a URL for the server and SQL for the test."""

import sqlite3
from pathlib import Path


class SqliteStore:
    name = "sqlite"

    def __init__(self, path):
        self.path = Path(path)
        self.url = f"sqlite:{path}"

    def query(self, sql, arguments=()):
        """Rows of a query on a connection of its own; [] while the file or the table is not there."""
        if not self.path.exists():
            return []
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, arguments).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def execute(self, sql, arguments=()):
        connection = sqlite3.connect(self.path, timeout=10)
        try:
            with connection:
                return connection.execute(sql, arguments).rowcount
        finally:
            connection.close()

    def totals(self):
        return dict(self.query("SELECT key, value FROM counters"))


class PostgresStore:
    name = "postgres"

    def __init__(self, cluster, database=None, port=None):
        self.cluster = cluster
        self.database = database or cluster.create_database()
        self.url = cluster.url(self.database, port)

    def query(self, sql, arguments=()):
        import psycopg2

        connection = self.cluster.connect(self.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s"), arguments or None)
                return cursor.fetchall()
        except psycopg2.errors.UndefinedTable:
            return []
        finally:
            connection.close()

    def execute(self, sql, arguments=()):
        connection = self.cluster.connect(self.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s"), arguments or None)
                return cursor.rowcount
        finally:
            connection.close()

    def totals(self):
        return dict(self.query("SELECT key, value FROM counters"))
