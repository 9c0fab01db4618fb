"""Changes: a Plan a person has seen, guards, and the only code that carries one out."""
