"""The pool of generated images as CycleGAN's authors describe it, on a plain list."""

SIZE = 50


class Pool:
    """Draws come from outside: for each image a chance and a place, both from 0 to 1."""

    def __init__(self, size=SIZE):
        self.size = size
        self.images = []

    def query(self, images, chances, places):
        returned = []
        for image, chance, place in zip(images, chances, places, strict=True):
            if len(self.images) < self.size:
                self.images.append(image)
                returned.append(image)
                continue
            if chance > 0.5:
                slot = int(place * self.size)
                returned.append(self.images[slot])
                self.images[slot] = image
            else:
                returned.append(image)
        return returned
