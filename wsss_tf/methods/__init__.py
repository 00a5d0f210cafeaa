"""One file per system; all keep the contract of contract.py."""
