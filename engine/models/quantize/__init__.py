"""Quantised weights: 4-bit and 8-bit codes with grouped scales, and the modules that multiply by them.

`precision` says which weight becomes what, `scales`, `feedback` and `packing` are the mathematics and the layout,
`weight`, `linear`, `embedding` and `experts` the modules, `modules` swaps them into a model. `calibration` lets a model
read, `lent` gives it weights for that and `seen` what these were multiplied with.
"""
