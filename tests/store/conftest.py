from tests.databases import postgres_server, settings, store

__all__ = ["postgres_server", "settings", "store"]
