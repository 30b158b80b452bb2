"""How good the pictures are: methods side by side, with the real images as oracle."""
