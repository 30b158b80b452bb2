"""What a setting is, how it is checked, and how a command line becomes settings."""
