"""Labelled pictures in, ONNX detector with contract and card out. Needs the ``train`` extra.

Only the modules that name torch at their top need it: network, assignment, loss, optimiser,
average, checkpoint, export, trainer, run. The rest reads recipes, labels and pictures.
"""
