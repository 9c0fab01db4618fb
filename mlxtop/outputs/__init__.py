"""Output of the modes without a screen."""
