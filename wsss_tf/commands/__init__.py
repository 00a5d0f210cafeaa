"""The commands of the project: flags in, work out."""
