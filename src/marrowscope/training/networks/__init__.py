"""Training of whole networks on Lightning, with checkpoints that survive a kill."""
