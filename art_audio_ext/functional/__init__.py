"""Pure functions on arrays and tensors: no ART, no files, no global state."""
