"""What brings data to the networks. Imports nothing of hdsynth_tf."""
