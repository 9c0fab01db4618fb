"""What every change needs: a plan, guards, rights, a way back and a log."""
