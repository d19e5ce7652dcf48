"""The formats that carry keywords: XMP, IPTC and EXIF, inside photos and in sidecars."""
