"""The web page and its API. `serve` starts them, `app` puts them together."""
