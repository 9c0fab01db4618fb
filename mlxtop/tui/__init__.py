"""The live screen: Textual, and nothing but Textual."""
