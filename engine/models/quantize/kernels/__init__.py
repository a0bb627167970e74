"""Triton kernels that multiply by packed codes as they lie in memory; the weight is never whole there.

`tile` is the kernel, `align` sorts tokens by expert, `experts`, `linear` and `whole` launch; `shapes` has the sizes.
Importing a module of this package imports triton; `engine.models.quantize.product` does so where it can run. Every
kernel equals `engine.models.quantize.reference` but for the order of sums and for roundings between its two products.
With TRITON_INTERPRET=1 set before triton is imported they run on CPU tensors, slowly, for tests.
"""
