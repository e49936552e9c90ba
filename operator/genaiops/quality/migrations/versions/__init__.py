"""The steps, one file each; a step that was released is not changed any more."""
