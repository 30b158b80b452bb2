"""Pages in the browser: the rules of the server that all of them share, and their files. Training needs none of it.

Starlette and uvicorn are the extra `ui`; `errors.check_installed` says so where they are missing, before the other
modules are imported.
"""
