"""The scene editor's server: sessions, what they answer, and the files they give out. The page is `pages/edit`."""
