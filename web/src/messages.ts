/** What the page and its worker say to each other. */
import type { Canvas } from "./painter";
import type { Frame, Header } from "./stored";

/** Bytes of a Gaussian: mean and covariance (9 floats), colour and opacity (4 bytes). */
export const STRIDE = 40;

/** The first message; `paints`: whether the worker draws, for want of a graphics card. */
export interface Opening {
  header: Header;
  content: ArrayBuffer;
  paints: boolean;
}

export interface Order {
  frame: Frame | null; // null: as before
  canvas: Canvas;
  buffer: ArrayBuffer | null; // of an earlier answer, to be filled again
}

export type Answer =
  | { kind: "ready" }
  | { kind: "sorted"; buffer: ArrayBuffer; count: number } // Gaussians, the farthest first
  | { kind: "painted"; buffer: ArrayBuffer } // straight RGBA
  | { kind: "failed"; sentence: string };
