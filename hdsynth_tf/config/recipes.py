"""Recipes, and what goes with a choice: named sets of defaults for the settings. A flag that is given wins over them.

`better` is what the settings say by themselves: what the ablations in experiments/RESULTS.md favour. `released` makes a
training step equal to that of the released PyTorch code. What both have in common (the sums over scales and layers,
half of D's loss, how weights and biases start, Adam's epsilon) is no setting.
"""

RECIPES = {
    "better": {},
    "released": {
        # === Networks ===
        "upsampling": "transposed",
        "padding": "zero",
        "skip_connections": False,
        "row_channel": False,
        "discriminator_norm": "instance",
        # === Losses ===
        "adversarial_loss": "least_squares",
        "perceptual_weights": "torchvision",
        "perceptual_input": "raw",
        "relative_perceptual": False,
        "pixel_weight": 0.0,
        # === Training ===
        "freeze_encoder": True,
        "discriminator_learning_rate": 2e-4,
        "ema_momentum": 0.0,
        "precision": "float32",
    },
}

ONLY_UNPAIRED = {  # what goes with no pairs, and nothing else does
    "num_enhancers": 0,
    "tone": False,
    "row_channel": False,
    "feature_channels": 0,
    "discriminator": "patch",
    "num_scales": 1,
    "adversarial_weight": 1.0,
    "feature_matching_weight": 0.0,
    "perceptual": "",
    "perceptual_weights": "none",
    "content_weight": 0.0,
    "num_diverse_images": 1,
    "rescale_epochs": 0,
    "pixel_weight": 0.0,
    "gradient_weight": 0.0,
    "warm_start_epochs": 0,
}
CYCLEGAN = {  # the paper's networks and losses
    **ONLY_UNPAIRED,
    "num_downsamples": 2,
    "num_residual_blocks": -1,
    "upsampling": "transposed",
    "padding": "zero",
    "skip_connections": False,
    "discriminator_norm": "instance",
    "adversarial_loss": "least_squares",
    "discriminator_learning_rate": 2e-4,
    "ema_momentum": 0.0,
}

CHOICES = {  # setting -> its value -> defaults of other settings; later ones win
    "recipe": RECIPES,
    "discriminator": {
        "segmentation": {"feature_matching_weight": 0.0},
        "projected": {"feature_matching_weight": 4.0, "relative_matching": True},
    },
    "generator": {
        "crn": {
            "adversarial_weight": 0.0,
            "feature_matching_weight": 0.0,
            "pixel_weight": 0.0,
            "perceptual_weight": 0.0,
            "perceptual": "vgg19",
            "content_weight": 1.0,
        }
    },
    "unpaired": {True: CYCLEGAN},
}
