"""Labels of a review go out to other tools, and come in from them."""
