"""The one door to the machine: files, kernel questions, commands, clocks and events."""
