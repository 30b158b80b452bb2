"""Exchange of weights with the released PyTorch code."""
