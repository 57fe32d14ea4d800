/** What both ways of drawing agree on. */

/** OpenCV's axes (x right, y down, z forward), pixels, pixel centres at +0.5. */
export interface Camera {
  T_camera_world: ArrayLike<number>; // (3, 4), row after row; head units
  intrinsics: ArrayLike<number>; // fx, fy, cx, cy
}

export type Colour = [number, number, number, number]; // red, green, blue, opacity in [0, 1]

export const NEAR = 0.1; // head units: nothing is drawn that is nearer
export const LEAST_OPACITY = 1 / 255; // of what is drawn at a pixel

const DILATION = 0.3; // square pixels at the size of training, as in 3D Gaussian splatting
const PIXEL = 1 / 12; // square pixels: variance of a pixel's own square

/** The variance, square pixels, that every ellipse gets: `drawing.dilation`. */
export function blurOf(width: number, height: number, trainingSide: number): number {
  return PIXEL + (DILATION - PIXEL) * (Math.min(width, height) / trainingSide) ** 2;
}
