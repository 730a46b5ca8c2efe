"""What every test of the matrix is given."""

from tests.matrix.figures import note

__all__ = ["note"]
