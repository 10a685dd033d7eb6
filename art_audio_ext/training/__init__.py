"""How each network learns: Lightning modules, their data, checkpoints and resume."""
