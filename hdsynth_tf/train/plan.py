"""Plan of a run: its parameters and the disk space it takes, known before it begins."""


def parameter_lines(model):
    """A line for each network: its parameters."""
    networks = model.trained_networks() | model.averages()
    return [f"    {name:<16s}{network.count_params():>13,d} parameters" for name, network in networks.items()]


def saved_bytes(model):
    """Bytes of the finished model's weights in float32: one generator and the discriminator."""
    return 4 * sum(network.count_params() for network in model.trained_networks().values())


def checkpoint_bytes(model):
    """Bytes of a checkpoint of a compiled model: all weights, and two moments for each that trains."""
    trained = sum(network.count_params() for network in model.trained_networks().values())
    return 4 * (model.count_params() + 2 * trained)
