"""One file a task: what the commands do, built from the parts below."""
