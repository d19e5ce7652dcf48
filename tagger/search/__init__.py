"""The query language and how a query is answered from the database."""
