"""The steps of each chapter, one module a notebook: parameters, computations, what was found."""
