"""What the modes without a screen print."""
