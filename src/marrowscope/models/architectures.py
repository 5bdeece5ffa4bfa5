"""Names of the architectures that a card may state; nothing is imported to look at them."""

LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
NETWORKS = ("sequential", "resnext50", *LITE)  # built by models.create
FEATURES = "features"  # measured features and support vectors
VIT, TIMM = "vit", "timm:"  # pretrained backbones; timm's is followed by timm's own name
LINEAR, KNN, FINETUNE = HEADS = ("linear", "knn", "finetune")  # last layers of a backbone


def is_backbone(model: str) -> bool:
    """Whether a name is one of a pretrained backbone."""
    return model == VIT or model.startswith(TIMM)
