"""The data a checkpoint learns from: named packages are fetched, judged by licence, cleaned, told apart, and packed."""
