"""Quantised weights: 4-bit and 8-bit codes with grouped scales, and the modules that multiply by them.

`precision` says which weight becomes what, `scales` and `packing` are the mathematics and the layout, `weight`,
`linear`, `embedding` and `experts` the modules, `modules` swaps them into a model. Nothing here knows a canvas.
"""
