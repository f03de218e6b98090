"""A disk that is full."""


def fill(path):
    """Takes all space that is left."""
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(1 << 16))
        except OSError:
            pass
