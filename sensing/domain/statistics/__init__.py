"""Statistics of traffic and of people, as engineers and analysts define them. Formulas are stated
with each function; all values are SI, percentages say so in their names."""

from __future__ import annotations
