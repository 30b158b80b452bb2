"""Plan of a run: its parameters, its losses and the disk space it takes, known before it begins."""


def parameter_lines(model):
    """A line for each network: its parameters."""
    networks = trained_networks(model) | (
        {"average": model.average_generator} if model.average_generator is not None else {}
    )
    return [
        f"    {name:<14s}{network.count_params():>13,d} parameters, {type(network).__name__}"
        for name, network in networks.items()
    ]


def loss_line(model):
    """A line for the terms that a compiled model learns by, and what pretrained network they need."""
    terms = []
    for term in model.terms:
        extractor = getattr(term.loss, "feature_extractor", None)
        needs = f" ({type(extractor).__name__}, {extractor.weights_from})" if extractor is not None else ""
        terms.append(f"{term.weight:g} x {term.name}{needs}")
    return f"    loss          {', '.join(terms)}{'' if model.is_adversarial else '; no discriminator'}"


def saved_bytes(model):
    """Bytes of the finished model's weights in float32: one generator and the discriminator."""
    return 4 * sum(network.count_params() for network in trained_networks(model).values())


def checkpoint_bytes(model):
    """Bytes of a checkpoint of a compiled model: all weights, and two moments for each that trains."""
    trained = sum(network.count_params() for network in trained_networks(model).values())
    return 4 * (model.count_params() + 2 * trained)


def trained_networks(model):
    """The networks of a model that train, by name."""
    networks = {"generator": model.generator, "encoder": model.encoder, "discriminator": model.discriminator}
    return {name: network for name, network in networks.items() if network is not None}
