/**
 * Draws sorted Gaussians without a graphics card, in the worker: the projection of
 * `pegasus_jax/families/gaussians/drawing.py` and the rules of rasterizer/README.md. Tile by tile, the nearest first:
 * what lets no light through is not looked at again, which no software version of WebGL can know.
 */
import { blurOf, type Camera, type Colour, LEAST_OPACITY, MOST_OPACITY, NEAR } from "./camera";
import type { Posed } from "./rig";

const LEAST_LIGHT = 1e-4; // the Gaussian that would leave a pixel less ends it undrawn
const TILE = 32; // pixels
const ELLIPSE = 7; // numbers of an ellipse: x, y, a, b, c, its reach, its opacity

/** What a picture is drawn on. */
export interface Canvas {
  camera: Camera;
  width: number;
  height: number;
  background: Colour;
}

export class Painter {
  private ellipses: Float64Array; // in the order of drawing
  private places: Int32Array; // the first and last tile across, the first and last down
  private starts = new Uint32Array(0); // of each tile's list
  private lists = new Uint32Array(0);
  // Of each pixel three colours, and the light that comes through: below zero where it has ended.
  private readonly sums = new Float64Array(4 * TILE * TILE);
  private readonly open = new Int32Array(TILE); // pixels of each row that have not ended

  constructor(
    private readonly trainingSide: number,
    count: number,
  ) {
    this.ellipses = new Float64Array(ELLIPSE * count);
    this.places = new Int32Array(4 * count);
  }

  /** Straight RGBA, four bytes a pixel, of Gaussians in an order, the nearest first. */
  paint(posed: Posed, opacities: Float32Array, order: Uint32Array, canvas: Canvas): ArrayBuffer {
    const { width, height, background } = canvas;
    const [across, down] = [Math.ceil(width / TILE), Math.ceil(height / TILE)];
    this.project(posed, opacities, order, canvas, across, down);
    this.list(order.length, across, across * down);
    const bytes = new Uint8ClampedArray(4 * width * height);
    for (let tile = 0; tile < across * down; tile++) {
      const [left, top] = [TILE * (tile % across), TILE * Math.floor(tile / across)];
      const [wide, tall] = [Math.min(TILE, width - left), Math.min(TILE, height - top)];
      this.drawTile(tile, left, top, wide, tall, order, posed.colours);
      this.copyTile(bytes, width, left, top, wide, tall, background);
    }
    return bytes.buffer;
  }

  /** Ellipses of all Gaussians, and the tiles that they touch. */
  private project(
    { means, covariances }: Posed,
    opacities: Float32Array,
    order: Uint32Array,
    { camera, width, height }: Canvas,
    across: number,
    down: number,
  ): void {
    const [T, [fx, fy, cx, cy]] = [camera.T_camera_world, Array.from(camera.intrinsics)];
    const blur = blurOf(width, height, this.trainingSide);
    for (let i = 0; i < order.length; i++) {
      const n = order[i];
      const [mx, my, mz] = [means[3 * n], means[3 * n + 1], means[3 * n + 2]];
      const inverse = 1 / Math.max(T[8] * mx + T[9] * my + T[10] * mz + T[11], NEAR);
      const right = (T[0] * mx + T[1] * my + T[2] * mz + T[3]) * inverse;
      const below = (T[4] * mx + T[5] * my + T[6] * mz + T[7]) * inverse;
      // Rows u and v of the projection's derivative, in the world's axes.
      const [sx, sy] = [fx * inverse, fy * inverse];
      const [u0, u1, u2] = [
        sx * (T[0] - right * T[8]),
        sx * (T[1] - right * T[9]),
        sx * (T[2] - right * T[10]),
      ];
      const [v0, v1, v2] = [
        sy * (T[4] - below * T[8]),
        sy * (T[5] - below * T[9]),
        sy * (T[6] - below * T[10]),
      ];
      const [xx, xy, xz] = [covariances[6 * n], covariances[6 * n + 1], covariances[6 * n + 2]];
      const [yy, yz, zz] = [covariances[6 * n + 3], covariances[6 * n + 4], covariances[6 * n + 5]];
      const [w0, w1, w2] = [
        xx * u0 + xy * u1 + xz * u2,
        xy * u0 + yy * u1 + yz * u2,
        xz * u0 + yz * u1 + zz * u2,
      ];
      const wide = w0 * u0 + w1 * u1 + w2 * u2 + blur;
      const mixed = w0 * v0 + w1 * v1 + w2 * v2;
      const tall =
        v0 * (xx * v0 + 2 * (xy * v1 + xz * v2)) + v1 * (yy * v1 + 2 * yz * v2) + v2 * zz * v2 + blur;
      const determinant = wide * tall - mixed * mixed;
      const [x, y] = [right * fx + cx, below * fy + cy];
      const reach = 2 * Math.log(Math.max(opacities[n] / LEAST_OPACITY, 1));
      const at = ELLIPSE * i;
      this.ellipses[at] = x;
      this.ellipses[at + 1] = y;
      this.ellipses[at + 2] = tall / determinant;
      this.ellipses[at + 3] = -mixed / determinant;
      this.ellipses[at + 4] = wide / determinant;
      this.ellipses[at + 5] = reach;
      this.ellipses[at + 6] = opacities[n];
      const [halfWidth, halfHeight] = [Math.sqrt(wide * reach), Math.sqrt(tall * reach)];
      this.places[4 * i] = Math.max(0, Math.floor((x - halfWidth) / TILE));
      this.places[4 * i + 1] = Math.min(across - 1, Math.floor((x + halfWidth) / TILE));
      this.places[4 * i + 2] = Math.max(0, Math.floor((y - halfHeight) / TILE));
      this.places[4 * i + 3] = Math.min(down - 1, Math.floor((y + halfHeight) / TILE));
    }
  }

  /** Each tile's ellipses, in order. */
  private list(count: number, across: number, tiles: number): void {
    const { places } = this;
    const starts = new Uint32Array(tiles + 1);
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < count; i++) {
        for (let row = places[4 * i + 2]; row <= places[4 * i + 3]; row++) {
          for (let column = places[4 * i]; column <= places[4 * i + 1]; column++) {
            const tile = row * across + column;
            if (pass === 0) starts[tile + 1]++;
            else this.lists[starts[tile]++] = i;
          }
        }
      }
      if (pass > 0) break;
      for (let tile = 0; tile < tiles; tile++) starts[tile + 1] += starts[tile];
      if (this.lists.length < starts[tiles]) this.lists = new Uint32Array(2 * starts[tiles]);
    }
    starts.copyWithin(1, 0); // the second pass moved each to the next one's start
    starts[0] = 0;
    this.starts = starts;
  }

  private drawTile(
    tile: number,
    left: number,
    top: number,
    wide: number,
    tall: number,
    order: Uint32Array,
    colours: Float32Array,
  ): void {
    const { sums, open, ellipses, lists } = this;
    for (let i = 0; i < sums.length; i++) sums[i] = i % 4 === 3 ? 1 : 0;
    open.fill(wide);
    let openPixels = wide * tall;
    const end = this.starts[tile + 1];
    for (let at = this.starts[tile]; at < end && openPixels > 0; at++) {
      const start = ELLIPSE * lists[at];
      const x = ellipses[start] - left;
      const y = ellipses[start + 1] - top;
      const a = ellipses[start + 2];
      const b = ellipses[start + 3];
      const c = ellipses[start + 4];
      const reach = ellipses[start + 5];
      const opacity = ellipses[start + 6];
      const n = 3 * order[lists[at]];
      const red = colours[n];
      const green = colours[n + 1];
      const blue = colours[n + 2];
      const inverse = 1 / a;
      const slope = b * inverse; // by how much a row's middle is farther left than that of the row above
      const flatness = c - b * slope;
      const halfHeight = Math.sqrt(reach / flatness);
      const lastRow = Math.min(tall - 1, Math.floor(y + halfHeight - 0.5));
      const change = Math.exp(-a);
      for (let row = Math.max(0, Math.ceil(y - halfHeight - 0.5)); row <= lastRow; row++) {
        if (open[row] === 0) continue;
        const dy = row + 0.5 - y;
        const height = flatness * dy * dy;
        if (height >= reach) continue;
        const middle = x - slope * dy - 0.5;
        const half = Math.sqrt((reach - height) * inverse);
        const first = Math.max(0, Math.ceil(middle - half));
        const last = Math.min(wide - 1, Math.floor(middle + half));
        if (first > last) continue;
        // The Gaussian along the row by two products a pixel: its exponent is a square of the way to the middle.
        const dx = first - middle;
        let value = opacity * Math.exp(-0.5 * (a * dx * dx + height));
        let ratio = Math.exp(-a * (dx + 0.5));
        for (let i = 4 * (row * TILE + first), stop = 4 * (row * TILE + last); i <= stop; i += 4) {
          const through = sums[i + 3];
          if (through > 0) {
            const weight = Math.min(value, MOST_OPACITY) * through;
            const after = through - weight;
            if (after >= LEAST_LIGHT) {
              sums[i] += weight * red;
              sums[i + 1] += weight * green;
              sums[i + 2] += weight * blue;
              sums[i + 3] = after;
            } else {
              sums[i + 3] = -through;
              open[row]--;
              openPixels--;
            }
          }
          value *= ratio;
          ratio *= change;
        }
      }
    }
  }

  private copyTile(
    bytes: Uint8ClampedArray,
    width: number,
    left: number,
    top: number,
    wide: number,
    tall: number,
    [red, green, blue, opacity]: Colour,
  ): void {
    const { sums } = this;
    for (let row = 0; row < tall; row++) {
      for (let column = 0; column < wide; column++) {
        const i = 4 * (row * TILE + column);
        const through = Math.abs(sums[i + 3]);
        const behind = through * opacity;
        const alpha = 1 - through + behind;
        const scale = alpha > 0 ? 255 / alpha : 0;
        const at = 4 * ((top + row) * width + left + column);
        bytes[at] = scale * (sums[i] + behind * red);
        bytes[at + 1] = scale * (sums[i + 1] + behind * green);
        bytes[at + 2] = scale * (sums[i + 2] + behind * blue);
        bytes[at + 3] = 255 * alpha;
      }
    }
  }
}
