"""The database: tables, sessions, migrations and the durable job queue."""
