"""Tables of other tools: boxes of COCO, YOLO and VOC, GeoJSON of QuPath, AnnData."""
