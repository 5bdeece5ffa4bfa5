"""Files in and out: images decoded and checked, outputs written whole or not at all."""
