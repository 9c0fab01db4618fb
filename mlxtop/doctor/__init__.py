"""Say what slows ports down: checks, findings and the reading for both."""
