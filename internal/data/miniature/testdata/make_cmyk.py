"""Writes ../cmyk.jpg, a JPEG of four inks, as Photoshop leaves them among
ImageNet's pictures. Written with Python 3.11 and Pillow 13.0.0."""
from PIL import Image

image = Image.new("CMYK", (24, 24))
image.putdata([((x * 9) % 256, (y * 7) % 256, (x * y) % 256, 20) for y in range(24) for x in range(24)])
image.save("../cmyk.jpg", quality=75)
