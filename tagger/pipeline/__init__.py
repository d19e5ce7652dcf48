"""Photos through the model: from the job queue, and on demand. Read `label_queue` first."""
