"""What several tests make: images, slides, weights, counts."""
