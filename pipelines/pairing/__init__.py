"""Which files belong to one scene: names, pairs, tables, and sides of other sizes."""
