"""Parts of every change: a plan, guards, rights, a way back and a log."""
