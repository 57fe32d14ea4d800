/** Where the visitor looks from: an orbit round the head, from the camera of the export. */
import type { Camera } from "./camera";
import type { Header } from "./stored";

/** Radians to the right and up, how close, and the head's place in the picture in shorter sides. */
export interface Orbit {
  yaw: number;
  pitch: number;
  zoom: number;
  right: number;
  down: number;
}

export const FRONT: Orbit = { yaw: 0, pitch: 0, zoom: 1, right: 0, down: 0 };
const LIMITS: Record<keyof Orbit, [number, number]> = {
  yaw: [-Infinity, Infinity],
  pitch: [-1.2, 1.2],
  zoom: [0.4, 5],
  right: [-0.5, 0.5],
  down: [-0.5, 0.5],
};

/** An orbit as near to `wanted` as it may be; numbers that are missing or not finite stay those of `before`. */
export function held(wanted: Partial<Orbit>, before: Orbit): Orbit {
  const orbit = { ...before };
  for (const name of Object.keys(LIMITS) as (keyof Orbit)[]) {
    const value = wanted[name];
    if (value === undefined || !Number.isFinite(value)) continue;
    const [low, high] = LIMITS[name];
    orbit[name] = Math.min(high, Math.max(low, value));
  }
  return orbit;
}

/** The camera of an orbit, for a picture of some pixels. */
export function cameraOf(orbit: Orbit, home: Header["camera"], width: number, height: number): Camera {
  const side = Math.min(width, height);
  const rotation = product(aboutX(orbit.pitch), product(home.rotation, aboutY(orbit.yaw)));
  const distance = home.distance / orbit.zoom;
  const [fx, fy] = home.focal.map((focal) => focal * side);
  const T_camera_world = rotation.flatMap((row, axis) => {
    const shift = -row.reduce((sum, value, i) => sum + value * home.target[i], 0);
    return [...row, shift + (axis === 2 ? distance : 0)];
  });
  const [cx, cy] = [0.5 * width + orbit.right * side, 0.5 * height + orbit.down * side];
  return { T_camera_world, intrinsics: [fx, fy, cx, cy] };
}

function aboutX(angle: number): number[][] {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [
    [1, 0, 0],
    [0, c, -s],
    [0, s, c],
  ];
}

function aboutY(angle: number): number[][] {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [
    [c, 0, s],
    [0, 1, 0],
    [-s, 0, c],
  ];
}

function product(a: number[][], b: number[][]): number[][] {
  return a.map((row) => [0, 1, 2].map((j) => row[0] * b[0][j] + row[1] * b[1][j] + row[2] * b[2][j]));
}
