"""The editor's server: sessions, pictures, what they answer, files they give out. The page is `edit/page`."""
