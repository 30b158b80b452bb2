"""The card of a model, README.md in Hugging Face's form: what it reads and makes, its data, recipe and scores."""

BLANK = "*left to fill in*"
HEAD = """---
library_name: hdsynth_tf
pipeline_tag: image-to-image
tags: [keras, pix2pixhd, {tag}]
license:  # left to fill in: the model's own, which the licence of the data may limit
---

# {name}

A pix2pixHD generator: photographs from {inputs}. {parameters:,} parameters.

    from hdsynth_tf import Pix2PixHD

    model = Pix2PixHD.from_preset("FOLDER, hf://USER/MODEL or a name")
    image = model.generate(inputs)  # {keys}: arrays (batch, height, width, ...)
"""


def model_card(name, conditioning, metadata, facts):
    """The card's text.

    Args:
        name: String, the model's.
        conditioning: The model's.
        metadata: Dict with `parameter_count`, `keras_version`, `date_saved`.
        facts: Dict, each key if it is known: `data`, dict of the data settings; `recipe`, dict of all others by group;
            `steps`, integer; `scores`, dict.

    Returns:
        String, Markdown behind YAML.
    """
    keys = list(conditioning.input_formats)
    maps = "label_map" in keys
    head = HEAD.format(
        name=name,
        tag="semantic-image-synthesis" if maps else "image-to-image",
        inputs="label maps and instance maps" if len(keys) > 1 else "label maps" if maps else "images",
        parameters=metadata["parameter_count"],
        keys=", ".join(keys),
    )
    size = conditioning.image_size
    facts_of_data = {"dataset": facts.get("data", {}).get("dataset", BLANK)}
    facts_of_data["working size, height x width"] = f"{size[0]} x {size[1]}" if size else "any"
    if maps:
        facts_of_data["classes"] = ", ".join(conditioning.class_names or [str(conditioning.num_classes)])
    sections = {
        "Data": _list({**facts_of_data, "licence of the data": BLANK}),
        "Training": _list({"steps": facts.get("steps") or BLANK, "saved": metadata["date_saved"]}),
        "Recipe": "\n\n".join(_settings(*group) for group in facts.get("recipe", {}).items()) or BLANK,
        "Scores": _list(facts.get("scores") or {"on held-out scenes": BLANK}),
        "Intended use and limits": BLANK,
    }
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())


def _list(values):
    return "\n".join(f"- {name}: {_shown(value)}" for name, value in values.items())


def _settings(group, values):
    return f"{group}: " + ", ".join(f"`--{name}={_shown(value)}`" for name, value in values.items())


def _shown(value):
    if isinstance(value, (list, tuple)):
        return ",".join(map(_shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
