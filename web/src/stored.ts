/**
 * What `avatar.js` holds: a header, and arrays as small integers. `pegasus_jax/inference/web.py` writes it.
 */

export const FORMAT = 1;

/** A sentence for the visitor: what is wrong, and what to do. */
export class PageError extends Error {}

export interface Slider {
  label: string;
  group: "pose" | "expression";
  field: "pose" | "expression";
  indices: number[];
  low: number;
  high: number;
}

/** Pose (15) in radians and expression (50): all that a frame needs. */
export interface Frame {
  pose: ArrayLike<number>;
  expression: ArrayLike<number>;
}

interface Place {
  name: string;
  type: keyof typeof TYPES;
  shape: number[];
  offset: number;
  steps?: number[];
}

export interface Header {
  format: number;
  software: string;
  made: { sentence: string; source: string; xmp: string };
  psnr: number;
  rest: { pose: number[]; expression: number[] };
  camera: { rotation: number[][]; target: number[]; distance: number; focal: number[] };
  sliders: Slider[];
  fps: number;
  arrays: Place[];
}

const TYPES = {
  float32: Float32Array,
  int32: Int32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
};
type Integers = Float32Array | Int32Array | Int16Array | Uint16Array | Int8Array;

/** Rows of integers, each with what one step of it is worth. */
export interface Quantised {
  values: Integers;
  steps: Float32Array;
  rowLength: number;
}

/** The arrays of an avatar by name. */
export class Stored {
  constructor(
    readonly header: Header,
    readonly content: ArrayBuffer,
  ) {}

  /** Pixels: the size of pictures that dilation belongs to. */
  get trainingSide(): number {
    return this.numbers("training_side")[0];
  }

  has(name: string): boolean {
    return this.header.arrays.some((place) => place.name === name);
  }

  /** Integers with their steps; 1 where there are none. */
  quantised(name: string): Quantised {
    const place = this.header.arrays.find((one) => one.name === name);
    if (place === undefined)
      throw new PageError(`avatar.js is damaged: it has no ${name}. Export the avatar again.`);
    const count = place.shape.reduce((product, size) => product * size, 1);
    const rows = place.steps?.length ?? place.shape[0] ?? 1;
    return {
      values: new TYPES[place.type](this.content, place.offset, count),
      steps: Float32Array.from(place.steps ?? new Array(rows).fill(1)),
      rowLength: rows > 0 ? count / rows : 0,
    };
  }

  /** The numbers themselves. */
  numbers(name: string): Float32Array {
    const { values, steps, rowLength } = this.quantised(name);
    return Float32Array.from(values, (value, i) => value * steps[Math.floor(i / rowLength)]);
  }
}

/** Reads what the script of an avatar left: `[header, base64 of gzip]`. Throws a PageError where it is damaged. */
export async function read(left: unknown): Promise<Stored> {
  if (!Array.isArray(left) || left.length !== 2 || typeof left[1] !== "string") {
    throw new PageError(
      "avatar.js is missing or damaged. Export the avatar again, and copy the whole folder.",
    );
  }
  const header = left[0] as Header;
  if (header.format !== FORMAT) {
    throw new PageError("avatar.js is of another version than this page. Export the avatar again.");
  }
  if (typeof DecompressionStream === "undefined") {
    throw new PageError(
      "This browser is too old for this page. A current Chrome, Edge, Firefox or Safari shows it.",
    );
  }
  try {
    return new Stored(header, await unpacked(left[1]));
  } catch {
    throw new PageError("avatar.js is damaged. Export the avatar again, and copy the whole folder.");
  }
}

async function unpacked(base64: string): Promise<ArrayBuffer> {
  const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
