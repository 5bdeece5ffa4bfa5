"""The count of many slides: found, counted, each with its report; interrupted, it goes on."""
