"""ONNX graph in, smaller or faster ONNX graph out. Pure: onnx, onnxruntime and numpy only."""
