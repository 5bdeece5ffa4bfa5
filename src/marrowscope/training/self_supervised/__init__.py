"""Learning from images without labels: VICReg pretraining."""
