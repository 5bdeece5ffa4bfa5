"""Prediction: sources of images, engines that compute, tables that come out."""
