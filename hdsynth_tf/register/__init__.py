"""Do the pictures of each pair lie on each other?"""
