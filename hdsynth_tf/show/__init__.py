"""Arrays -> pictures and pages for people to look at."""
