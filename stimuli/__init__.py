"""Images as scenes x renditions, read to exact sRGB pixels."""
