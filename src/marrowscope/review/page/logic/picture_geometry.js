// Lengths on a picture.

/** The longest round length that fits into `most` px on the screen: {width, text}; null when the
 *  pixel size is not known. `scale` is px of the screen per px of the picture. */
export function scaleBar(micronsPerPixel, scale, most) {
  if (!micronsPerPixel || !(scale > 0)) return null;
  const microns = (most * micronsPerPixel) / scale;
  const power = 10 ** Math.floor(Math.log10(microns));
  const length = [5, 2, 1].map((step) => step * power).find((value) => value <= microns) ?? power;
  const text = length >= 1000 ? `${length / 1000} mm` : `${Number(length.toPrecision(3))} µm`;
  return { width: Math.round((length * scale) / micronsPerPixel), text };
}
