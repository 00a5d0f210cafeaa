"""Published checkpoints: fetched, converted for our nets, and proven."""
