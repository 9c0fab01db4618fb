"""Frames to cells and lines that people read; pure, no Textual."""
