"""From the bytes of a photo to its pixels: decoding, orientation, thumbnails, and limits on hostile files."""
