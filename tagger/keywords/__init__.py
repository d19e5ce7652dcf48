"""Keywords in the metadata of photos and in sidecars: merging, XMP, IPTC, EXIF, JPEG surgery, safe writing."""
