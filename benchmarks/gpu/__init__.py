"""What is measured on a CUDA machine only."""
