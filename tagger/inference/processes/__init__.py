"""Programs of their own, started as child processes: the only ones that load TensorFlow or LiteRT."""
