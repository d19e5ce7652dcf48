"""What the operating system offers: child processes, signals, memory, file systems, logs."""
