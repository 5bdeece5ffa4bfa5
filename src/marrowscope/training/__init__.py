"""Training on Lightning: recipes, virtual epochs, checkpoints that survive a kill."""
