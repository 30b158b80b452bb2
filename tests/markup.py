"""What a browser would find in an HTML page: elements, attributes and text."""

import html.parser


class Markup(html.parser.HTMLParser):
    """A page, parsed.

    Attributes:
        tags: Set of the elements' names.
        attributes: List of `(element, attribute, value)`.
        text: String, all text but that of styles, white space made single.
    """

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.inside = set(), [], [], None
        self.feed(page)
        self.close()
        self.text = " ".join("".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside != "style":
            self.texts.append(data)

    def values(self, tag, attribute):
        """What an attribute says in all elements of a name: list of strings."""
        return [value for *found, value in self.attributes if found == [tag, attribute]]

    def check_harmless(self):
        """No scripts, and nothing from elsewhere."""
        assert not self.tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
        assert not [name for _, name, _ in self.attributes if name.startswith("on")]
        addresses = [value for _, name, value in self.attributes if name in ("src", "href")]
        assert not [value for value in addresses if ":" in value or value.startswith("/")]
