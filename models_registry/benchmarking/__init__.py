"""Measures models: latency, memory, accuracy, agreement. Pure: numpy, cv2 and the runtime only."""
