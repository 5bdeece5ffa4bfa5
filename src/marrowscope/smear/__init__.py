"""Where to look on a smear: its contour, suitable regions, and the plan of fields."""
