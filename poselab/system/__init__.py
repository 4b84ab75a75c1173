"""Whatever is not about pose: files, folders, downloads, teams of processes."""
