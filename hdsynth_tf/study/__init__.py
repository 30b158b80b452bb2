"""Studies of which pictures people prefer: who sees what, the page, durable answers, and what they say."""
