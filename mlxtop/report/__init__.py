"""What happened in a recording, in a page."""
