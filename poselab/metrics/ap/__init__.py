"""Average precision as COCO defines it, of boxes and of poses."""
