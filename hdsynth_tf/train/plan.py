"""Plan of a run: its parameters, its losses and the disk space it takes, known before it begins."""


def parameter_lines(model):
    """A line for each network: its parameters."""
    networks = model.trained_networks() | model.averages()
    return [
        f"    {name:<16s}{network.count_params():>13,d} parameters, {type(network).__name__}"
        for name, network in networks.items()
    ]


def loss_line(model):
    """A line for the terms that a compiled model's generator learns by, and what pretrained network they need."""
    *discriminators, (_, _, weights) = model.players()
    extractors = {term.name: getattr(term.loss, "feature_extractor", None) for term in getattr(model, "terms", ())}
    terms = []
    for name, weight in weights.items():
        extractor = extractors.get(name)
        needs = f" ({type(extractor).__name__}, {extractor.weights_from})" if extractor is not None else ""
        terms.append(f"{weight:g} x {name}{needs}")
    return f"    loss            {', '.join(terms)}{'' if discriminators else '; no discriminator'}"


def saved_bytes(model):
    """Bytes of the finished model's weights in float32: one generator and the discriminator."""
    return 4 * sum(network.count_params() for network in model.trained_networks().values())


def checkpoint_bytes(model):
    """Bytes of a checkpoint of a compiled model: all weights, and two moments for each that trains."""
    return 4 * model.count_params() + 2 * saved_bytes(model)
