"""Neural networks: what they compute, their shapes and their source, nothing else."""
