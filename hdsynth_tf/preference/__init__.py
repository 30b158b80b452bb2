"""Studies of which pictures people prefer: who sees what, the page's server, durable answers, and what they say."""
