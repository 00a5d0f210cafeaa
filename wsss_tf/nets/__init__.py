"""Networks: backbones, heads, and the loading of their weights."""
