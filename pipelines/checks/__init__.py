"""What is looked at before training: whole files, label sets, values, and whether pairs lie on each other."""
