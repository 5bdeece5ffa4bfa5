"""A pretrained network → a module that trains it more slowly than its last layer."""

from typing import Any

import torch

from marrowscope.training.networks.lightning_module import TrainingModule

HEAD = "head."


class FinetuneModule(TrainingModule):
    """As ``TrainingModule``; ``recipe.body_rate`` is the share for all but the last layer."""

    def on_train_batch_start(self, batch: Any, batch_index: int) -> None:
        """Set the learning rates of this step."""
        super().on_train_batch_start(batch, batch_index)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] *= group["share"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Four groups: body or last layer, decayed or not (one-dimensional parameters are not)."""
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            share = 1.0 if name.startswith(HEAD) else self.recipe.body_rate
            decay = self.recipe.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((share, decay), []).append(parameter)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.recipe.optimizer]
        optimizer: torch.optim.Optimizer = kind(
            [
                {"params": parameters, "weight_decay": decay, "share": share}
                for (share, decay), parameters in groups.items()
            ],
            lr=self.recipe.learning_rate,
            fused=True,
        )
        return optimizer
