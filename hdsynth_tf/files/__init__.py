"""Files that are whole or not there, the run folder, and files of weights."""
